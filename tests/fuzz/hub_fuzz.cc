// Fuzz target: what servers say. Listings, headers of answers, names, journals and the beginnings
// of files give a result or an Error. The first byte chooses the reader.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/error.h"
#include "hub/header_extent.h"
#include "hub/hub_client.h"
#include "hub/select_files.h"

namespace {

using namespace tael;

void SelectAll(const std::vector<RemoteFile>& files, const std::string& index) {
  for (const GgufChoice& choice : GgufChoices(files)) {
    for (const RemoteFile& file : SelectFiles(files, choice.label, index, "r").files) {
      // What was chosen can be nothing but a file below a folder.
      if (file.path.empty() || file.path[0] == '/' || file.path.find("..") == 0) std::abort();
    }
  }
  SelectFiles(files, "", index, "r");
}

void Extent(const std::string& text, const char* name) {
  const std::span<const uint8_t> bytes(reinterpret_cast<const uint8_t*>(text.data()), text.size());
  const auto size = static_cast<int64_t>(text.size());
  if (HeaderExtent(bytes, size, name) > size && size >= 8) std::abort();
  HeaderExtent(bytes, size * 1000, name);
}

void Read(uint8_t kind, const std::string& text) {
  switch (kind % 7) {
    case 0: {
      std::vector<RemoteFile> files;
      AppendHuggingFaceTree(text, "r", &files);
      SelectAll(files, text);
      break;
    }
    case 1:
      SelectAll(ParseModelScopeFiles(text, "r"), text);
      break;
    case 2:
      ShardsOfIndex(text, "r");
      break;
    case 3:
      ParseHuggingFaceCommit(text, "r");
      break;
    case 4:
      NextPage(text);
      ParseContentRange(text);
      ParseRetryAfter(text, 0);
      QuantOfName(text);
      ParseSplitName(text);
      break;
    case 5:
      Extent(text, "m.gguf");
      break;
    default:
      if (const auto reference = ParseModelReference(text, HubKind::kHuggingFace)) {
        StoreName(*reference);
      }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    Read(data[0], text);
  } catch (const Error&) {
  }
  return 0;
}
