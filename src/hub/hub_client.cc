#include "hub/hub_client.h"

#include <charconv>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/sha256.h"
#include "hub/refusals.h"

namespace tael {
namespace {

constexpr int64_t kMaxListingBytes = 64 << 20;
constexpr int kMaxPages = 1000;

// Headers with the token, for a URL below `endpoint`. Throws kInvalidArgument when the token would
// travel unencrypted.
std::vector<std::string> TokenHeaders(const HubEndpoint& endpoint, const char* variable,
                                      bool cookie) {
  if (endpoint.token.empty()) return {};
  if (endpoint.token.find_first_of("\r\n") != std::string::npos) {
    Fail(ErrorCode::kInvalidArgument, "{}: the token has a line break in it", variable);
  }
  const UrlParts parts = SplitUrl(endpoint.url, "the hub's address");
  if (parts.scheme != "https" && !IsLoopbackHost(parts.host)) {
    Fail(ErrorCode::kInvalidArgument,
         "{}: a token is not sent over http. Hint: an https address, or no token ({})", parts.host,
         variable);
  }
  std::vector<std::string> headers = {"Authorization: Bearer " + endpoint.token};
  if (cookie) headers.push_back("Cookie: m_session_id=" + endpoint.token);
  return headers;
}

std::optional<int64_t> ParseInt(std::string_view text) {
  int64_t value = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || rest != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

// An ETag's text without W/ and quotes.
std::string EtagText(std::string_view etag) {
  if (etag.starts_with("W/")) etag.remove_prefix(2);
  if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"') {
    etag = etag.substr(1, etag.size() - 2);
  }
  return std::string(etag);
}

std::string WithoutQuery(const std::string& url) { return url.substr(0, url.find_first_of("?#")); }

// The URL of another part of the split set that `url` is in.
std::string PartUrl(const std::string& url, int number, int count) {
  const std::string plain = WithoutQuery(url);
  const std::string suffix = fmt::format("-of-{:05}.gguf", count);
  const size_t at = plain.rfind(suffix);
  return plain.substr(0, at - 5) + fmt::format("{:05}", number) + suffix + url.substr(plain.size());
}

}  // namespace

std::optional<ContentRange> ParseContentRange(const std::string& value) {
  if (!value.starts_with("bytes ")) return std::nullopt;
  const std::string_view text = std::string_view(value).substr(6);
  const size_t dash = text.find('-'), slash = text.find('/');
  if (dash == text.npos || slash == text.npos || dash > slash) return std::nullopt;
  const auto first = ParseInt(text.substr(0, dash));
  const auto last = ParseInt(text.substr(dash + 1, slash - dash - 1));
  const std::string_view total_text = text.substr(slash + 1);
  const auto total = total_text == "*" ? std::optional<int64_t>(-1) : ParseInt(total_text);
  if (!first || !last || !total || *last < *first) return std::nullopt;
  return ContentRange{*first, *last, *total};
}

void CheckLinkedFields(const HttpFields& first, const RemoteFile& file, const std::string& commit,
                       std::string_view where) {
  const auto sent_commit = first.Find("x-repo-commit");
  if (sent_commit && !commit.empty() && *sent_commit != commit) {
    Fail(ErrorCode::kCorrupt, "{}: '{}' comes from commit {}, needed {}", where, file.path,
         sent_commit->substr(0, 64), commit);
  }
  const auto size = first.Find("x-linked-size");
  if (size && ParseInt(*size) != file.size) {
    Fail(ErrorCode::kCorrupt, "{}: '{}' has {} bytes, but the listing says {}", where, file.path,
         size->substr(0, 20), file.size);
  }
  const auto etag = first.Find("x-linked-etag");
  if (etag && !file.sha256.empty() && IsSha256(EtagText(*etag)) && EtagText(*etag) != file.sha256) {
    Fail(ErrorCode::kCorrupt, "{}: '{}' has SHA-256 {}, but the listing says {}", where, file.path,
         EtagText(*etag), file.sha256);
  }
}

HubClient::HubClient(HubEndpoints endpoints, const HttpClientOptions& http,
                     const RetryPolicy& retry, const std::atomic<bool>* cancelled)
    : endpoints_(std::move(endpoints)),
      retry_(retry),
      cancelled_(cancelled),
      client_(http, cancelled) {}

HubClient::Answer HubClient::Get(const std::string& url, const RemoteModel& model, bool same_origin,
                                 int64_t max_bytes) {
  Answer answer;
  WithRetries(retry_, cancelled_, [&] {
    answer.text.clear();
    const HttpFetch fetch{
        .url = url, .secret_headers = model.secret_headers, .same_origin = same_origin};
    const HttpReply reply = client_.Get(
        fetch, {.on_head = {}, .on_body = [&](auto bytes) {
                  if (static_cast<int64_t>(answer.text.size() + bytes.size()) > max_bytes) {
                    Fail(ErrorCode::kExhausted, "{}: an answer of the hub is larger than {} bytes",
                         model.where, max_bytes);
                  }
                  answer.text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
                  return true;
                }});
    if (reply.status != 200) {
      RefuseStatus(reply, model.where, model.token_variable, !model.secret_headers.empty());
    }
    RefusePage(reply, model.where);
    answer.fields = reply.fields;
  });
  return answer;
}

RemoteModel HubClient::Resolve(const ModelReference& reference) {
  if (!reference.url.empty()) return ResolveUrlFiles(reference.url);
  return reference.hub == HubKind::kHuggingFace ? ResolveHuggingFace(reference)
                                                : ResolveModelScope(reference);
}

RemoteModel HubClient::ResolveHuggingFace(const ModelReference& reference) {
  const HubEndpoint& endpoint = endpoints_.huggingface;
  RemoteModel model{.where = reference.repo,
                    .origin = endpoint.url + "/" + reference.repo,
                    .secret_headers = TokenHeaders(endpoint, "HF_TOKEN", /*cookie=*/false),
                    .token_variable = "HF_TOKEN"};
  const std::string api = endpoint.url + "/api/models/" + reference.repo;
  const std::string revision = reference.revision.empty() ? "main" : reference.revision;
  model.commit = ParseHuggingFaceCommit(
      Get(api + "/revision/" + UrlEncode(revision), model, true, kMaxListingBytes).text,
      model.where);
  std::string page = api + "/tree/" + model.commit + "?recursive=true";
  std::set<std::string> seen;
  while (!page.empty()) {
    if (!seen.insert(page).second || static_cast<int>(seen.size()) > kMaxPages) {
      Fail(ErrorCode::kCorrupt, "{}: the hub's list of files does not end", model.where);
    }
    const Answer answer = Get(page, model, true, kMaxListingBytes);
    AppendHuggingFaceTree(answer.text, model.where, &model.files);
    const auto next = NextPage(answer.fields.Find("link").value_or(""));
    if (!next) break;
    const std::string following = ResolveUrl(page, *next);
    if (SplitUrl(following, model.where).Origin() != SplitUrl(page, model.where).Origin()) {
      Fail(ErrorCode::kCorrupt,
           "{}: the hub's list of files goes on at another host, which is "
           "refused",
           model.where);
    }
    page = following;
  }
  for (RemoteFile& file : model.files) {
    file.url = model.origin + "/resolve/" + model.commit + "/" + UrlEncode(file.path, true);
  }
  return model;
}

RemoteModel HubClient::ResolveModelScope(const ModelReference& reference) {
  const HubEndpoint& endpoint = endpoints_.modelscope;
  RemoteModel model{.where = reference.repo,
                    .origin = endpoint.url + "/models/" + reference.repo,
                    .secret_headers = TokenHeaders(endpoint, "MODELSCOPE_API_TOKEN", true),
                    .token_variable = "MODELSCOPE_API_TOKEN"};
  const std::string api = endpoint.url + "/api/v1/models/" + reference.repo + "/repo";
  const std::string revision =
      UrlEncode(reference.revision.empty() ? "master" : reference.revision);
  const std::string list = api + "/files?Revision=" + revision + "&Recursive=true";
  model.files = ParseModelScopeFiles(Get(list, model, true, kMaxListingBytes).text, model.where);
  for (RemoteFile& file : model.files) {
    file.url = api + "?Revision=" + revision + "&FilePath=" + UrlEncode(file.path);
  }
  return model;
}

RemoteModel HubClient::ResolveUrlFiles(const std::string& url) {
  const std::string name = UrlFileName(url);
  const std::string where = SplitUrl(url, "URL").host + "/.../" + name;
  if (!name.ends_with(".gguf")) {
    Fail(ErrorCode::kInvalidArgument,
         "{}: a URL has to end with the name of a .gguf file. Hint: a repository is named "
         "ORG/REPO, or hf:ORG/REPO, or ms:ORG/REPO",
         where);
  }
  RemoteModel model{.where = where, .origin = WithoutQuery(url)};
  const SplitName split = ParseSplitName(name.substr(0, name.size() - 5));
  for (int number = 1; number <= split.count; ++number) {
    const std::string part = split.count == 1 ? url : PartUrl(url, number, split.count);
    model.files.push_back(Probe(part, where));
  }
  return model;
}

RemoteFile HubClient::Probe(const std::string& url, const std::string& where) {
  RemoteFile file{.path = UrlFileName(url), .url = url};
  std::optional<int64_t> size;
  WithRetries(retry_, cancelled_, [&] {
    const HttpFetch fetch{.url = url, .range = ByteRange{0, 0}};
    const HttpReply reply =
        client_.Get(fetch, {.on_head = {}, .on_body = [](auto) { return false; }});
    if (reply.status != 200 && reply.status != 206) RefuseStatus(reply, where, "", false);
    RefusePage(reply, where);
    const auto range = reply.fields.Find("content-range");
    if (range) {
      const auto parsed = ParseContentRange(*range);
      if (parsed && parsed->total >= 0) size = parsed->total;
    } else if (reply.status == 200) {
      size = ParseInt(reply.fields.Find("content-length").value_or(""));
    }
    const std::string digest = EtagText(reply.first.Find("x-linked-etag").value_or(""));
    if (IsSha256(digest)) file.sha256 = digest;
    const std::string etag = reply.fields.Find("etag").value_or("");
    if (etag.starts_with('"') && etag.size() <= 256) file.etag = etag;
  });
  if (!size) {
    Fail(ErrorCode::kUnsupported,
         "{}: the server does not say how large the file is, so nothing can be planned or checked",
         where);
  }
  file.size = *size;
  return file;
}

std::string HubClient::Text(const RemoteModel& model, const RemoteFile& file, int64_t max_bytes) {
  const Answer answer = Get(file.url, model, /*same_origin=*/false, max_bytes);
  if (static_cast<int64_t>(answer.text.size()) != file.size) {
    Fail(ErrorCode::kCorrupt, "{}: '{}' has {} bytes, but the listing says {}", model.where,
         file.path, answer.text.size(), file.size);
  }
  if (!file.sha256.empty() && Sha256Hex(answer.text) != file.sha256) {
    Fail(ErrorCode::kCorrupt, "{}: '{}' has another SHA-256 than the listing says", model.where,
         file.path);
  }
  return answer.text;
}

}  // namespace tael
