// Reads one metadata entry of a GGUF file from untrusted bytes.
#pragma once

#include <string>
#include <utility>

#include "checkpoint/byte_reader.h"
#include "checkpoint/gguf.h"

namespace tael {

// The key and value at the reader's position. Throws kCorrupt. Allocates at most a small multiple
// of the bytes it reads.
std::pair<std::string, GgufValue> ReadGgufEntry(ByteReader& reader);

}  // namespace tael
