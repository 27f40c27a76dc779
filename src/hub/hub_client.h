// Asks a hub which files a model has, by the protocols of Hugging Face and ModelScope.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "hub/http_client.h"
#include "hub/listing.h"
#include "hub/model_reference.h"
#include "hub/retry.h"

namespace tael {

struct HubEndpoint {
  std::string url;    // "https://huggingface.co" or a mirror's, without a slash at the end
  std::string token;  // "" = none; sent to this origin only, and never over http to another machine
};
struct HubEndpoints {
  HubEndpoint huggingface{.url = "https://huggingface.co", .token = ""};
  HubEndpoint modelscope{.url = "https://www.modelscope.cn", .token = ""};
};

// What was resolved: every file of one commit.
struct RemoteModel {
  std::string where = {};   // for messages: "ORG/REPO" or the URL's host and file
  std::string origin = {};  // "https://huggingface.co/ORG/REPO", or the URL without its query
  std::string commit = {};  // "" where the hub has none to name
  std::vector<RemoteFile> files = {};
  std::vector<std::string> secret_headers = {};  // for requests to the files' URLs
  std::string token_variable = {};               // "HF_TOKEN"; "" for plain URLs
};

// Not thread-safe.
class HubClient {
 public:
  // `cancelled` must outlive it.
  HubClient(HubEndpoints endpoints, const HttpClientOptions& http, const RetryPolicy& retry,
            const std::atomic<bool>* cancelled);

  // A branch or tag is resolved to its commit once, and all files are that commit's (Hugging Face;
  // ModelScope names the commit of each file only, and its SHA-256 holds it). Of a URL: the file,
  // and its whole split set if it is part of one. Throws kNotFound, kCorrupt, kUnavailable, and
  // kInvalidArgument for a URL of something else.
  RemoteModel Resolve(const ModelReference& reference);

  // A whole small file. Throws kCorrupt when its SHA-256 or size differs, kExhausted above
  // `max_bytes`.
  std::string Text(const RemoteModel& model, const RemoteFile& file, int64_t max_bytes);

 private:
  struct Answer {
    std::string text;
    HttpFields fields;
  };
  Answer Get(const std::string& url, const RemoteModel& model, bool same_origin, int64_t max_bytes);
  RemoteModel ResolveHuggingFace(const ModelReference& reference);
  RemoteModel ResolveModelScope(const ModelReference& reference);
  RemoteModel ResolveUrlFiles(const std::string& url);
  RemoteFile Probe(const std::string& url, const std::string& where);

  HubEndpoints endpoints_;
  RetryPolicy retry_;
  const std::atomic<bool>* cancelled_;
  HttpClient client_;
};

// Throws kCorrupt when what the first answer for a file says about it (X-Repo-Commit,
// X-Linked-Size, X-Linked-Etag) differs from its listing.
void CheckLinkedFields(const HttpFields& first, const RemoteFile& file, const std::string& commit,
                       std::string_view where);

// "bytes 0-99/1000". nullopt: no such value. total is -1 for "*".
struct ContentRange {
  int64_t first = 0, last = 0, total = -1;
};
std::optional<ContentRange> ParseContentRange(const std::string& value);

}  // namespace tael
