// How much of a model's file has to be fetched to know what is in it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace tael {

// Bytes of the file's header, read from its beginning `bytes`: at least so many are needed to parse
// it. More than bytes.size() means: fetch that many and ask again. Files that are neither GGUF nor
// safetensors, by `name`, need none. Throws kCorrupt when the beginning is that of another file, or
// the header would be larger than the file or 1 GiB.
int64_t HeaderExtent(std::span<const uint8_t> bytes, int64_t file_size, const std::string& name);

}  // namespace tael
