#include "net/connection_table.h"

#include <optional>
#include <utility>

#include "net/http_connection.h"

namespace tael {

void ConnectionTable::Add(std::shared_ptr<HttpConnection> connection) {
  std::list<HttpConnection*>& idle = Of(ConnectionRank::kIdle);
  HttpConnection* key = connection.get();
  entries_[key] = {std::move(connection), ConnectionRank::kIdle, idle.insert(idle.end(), key)};
}

void ConnectionTable::SetRank(HttpConnection* connection, ConnectionRank rank) {
  Entry& entry = entries_.at(connection);
  std::list<HttpConnection*>& to = Of(rank);
  to.splice(to.end(), Of(entry.rank), entry.place);
  entry.rank = rank;
}

void ConnectionTable::Erase(HttpConnection* connection) {
  const auto found = entries_.find(connection);
  if (found == entries_.end()) return;
  Of(found->second.rank).erase(found->second.place);
  entries_.erase(found);
}

std::vector<std::shared_ptr<HttpConnection>> ConnectionTable::All() const {
  std::vector<std::shared_ptr<HttpConnection>> all;
  all.reserve(entries_.size());
  for (const auto& [key, entry] : entries_) all.push_back(entry.connection);
  return all;
}

void ConnectionTable::FindSlowest(ConnectionRank rank, bool holding, HttpConnection** slowest,
                                  double* rate) const {
  for (HttpConnection* connection : Of(rank)) {
    const std::optional<double> own = connection->BytesPerSecond();
    if (!own) break;  // and all behind it have begun later
    if (*slowest != nullptr && *own >= *rate) continue;
    if (holding && connection->held_bytes() == 0) continue;
    *slowest = connection;
    *rate = *own;
  }
}

std::shared_ptr<HttpConnection> ConnectionTable::Slowest() const {
  HttpConnection* slowest = nullptr;
  double rate = 0;
  FindSlowest(ConnectionRank::kHead, true, &slowest, &rate);
  FindSlowest(ConnectionRank::kBody, true, &slowest, &rate);
  return slowest == nullptr ? nullptr : entries_.at(slowest).connection;
}

std::shared_ptr<HttpConnection> ConnectionTable::Victim() const {
  using Rank = ConnectionRank;
  for (const Rank rank : {Rank::kIdle, Rank::kHead, Rank::kBody, Rank::kLingering}) {
    HttpConnection* victim = Of(rank).empty() ? nullptr : Of(rank).front();
    if (rank == Rank::kBody) {
      victim = nullptr;
      double rate = 0;
      FindSlowest(rank, false, &victim, &rate);
    }
    if (victim != nullptr) return entries_.at(victim).connection;
  }
  return nullptr;
}

}  // namespace tael
