// The connections of a server, and which of them makes room when there are too many.
#pragma once

#include <array>
#include <list>
#include <memory>
#include <unordered_map>
#include <vector>

namespace tael {

class HttpConnection;

// What a connection is doing, in the order in which they make room. One that is being answered
// never does.
enum class ConnectionRank { kIdle, kHead, kBody, kLingering, kAnswering };

// On the thread of the sockets only.
class ConnectionTable {
 public:
  // Idle.
  void Add(std::shared_ptr<HttpConnection> connection);
  void SetRank(HttpConnection* connection, ConnectionRank rank);
  void Erase(HttpConnection* connection);

  size_t size() const { return entries_.size(); }
  std::vector<std::shared_ptr<HttpConnection>> All() const;

  // Who makes room for a new connection: the first rank that has somebody, and of it who has been
  // there longest; of bodies the slowest. Null when all are being answered, or bodies that have
  // just begun.
  std::shared_ptr<HttpConnection> Victim() const;
  // Who makes room for the bytes of other requests: the slowest head or body, unless all of them
  // have just begun.
  std::shared_ptr<HttpConnection> Slowest() const;

 private:
  struct Entry {
    std::shared_ptr<HttpConnection> connection;
    ConnectionRank rank;
    std::list<HttpConnection*>::iterator place;  // in the list of its rank
  };

  std::list<HttpConnection*>& Of(ConnectionRank rank) {
    return ranks_.at(static_cast<size_t>(rank));
  }
  const std::list<HttpConnection*>& Of(ConnectionRank rank) const {
    return ranks_.at(static_cast<size_t>(rank));
  }
  // `holding`: only those whose end would give bytes back.
  void FindSlowest(ConnectionRank rank, bool holding, HttpConnection** slowest, double* rate) const;

  std::unordered_map<HttpConnection*, Entry> entries_;
  std::array<std::list<HttpConnection*>, 5> ranks_;  // in each, who has been there longest first
};

}  // namespace tael
