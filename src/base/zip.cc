#include "base/zip.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <memory>

#include "base/error.h"

namespace tael {
namespace {

constexpr uint32_t kEndOfDirectory = 0x06054b50, kDirectoryEntry = 0x02014b50,
                   kLocalHeader = 0x04034b50;
constexpr size_t kEndSize = 22, kEntrySize = 46, kLocalSize = 30, kMaxComment = 65535;
constexpr size_t kPiece = 1 << 18;

// Little-endian fields of an archive, with every bound checked.
struct Archive {
  std::span<const uint8_t> bytes;
  std::string_view where;

  std::span<const uint8_t> Slice(size_t offset, size_t size) const {
    if (offset > bytes.size() || size > bytes.size() - offset) {
      Fail(ErrorCode::kCorrupt, "{}: the archive ends at byte {}, but {} bytes at {} are needed",
           where, bytes.size(), size, offset);
    }
    return bytes.subspan(offset, size);
  }
  uint32_t U16(size_t offset) const {
    const auto b = Slice(offset, 2);
    return static_cast<uint32_t>(b[0]) | static_cast<uint32_t>(b[1]) << 8;
  }
  uint32_t U32(size_t offset) const { return U16(offset) | U16(offset + 2) << 16; }
};

struct Member {
  uint32_t flags = 0, method = 0, crc = 0;
  size_t packed_size = 0, size = 0, local_header = 0;
};

// The end record is the last thing in the file except for a comment of at most 65,535 bytes.
size_t FindEndRecord(const Archive& archive) {
  const size_t size = archive.bytes.size();
  for (size_t back = kEndSize; back <= std::min(size, kEndSize + kMaxComment); ++back) {
    if (archive.U32(size - back) == kEndOfDirectory) return size - back;
  }
  Fail(ErrorCode::kCorrupt, "{}: no ZIP directory found; the file is no archive or cut short",
       archive.where);
}

Member FindMember(const Archive& archive, std::string_view name) {
  const size_t end = FindEndRecord(archive);
  const uint32_t count = archive.U16(end + 10);
  size_t at = archive.U32(end + 16);
  for (uint32_t i = 0; i < count; ++i) {
    if (archive.U32(at) != kDirectoryEntry) {
      Fail(ErrorCode::kCorrupt, "{}: directory entry {} at byte {} has a wrong signature",
           archive.where, i, at);
    }
    const size_t name_size = archive.U16(at + 28);
    const auto text = archive.Slice(at + kEntrySize, name_size);
    if (std::string_view(reinterpret_cast<const char*>(text.data()), text.size()) == name) {
      return {.flags = archive.U16(at + 8),
              .method = archive.U16(at + 10),
              .crc = archive.U32(at + 16),
              .packed_size = archive.U32(at + 20),
              .size = archive.U32(at + 24),
              .local_header = archive.U32(at + 42)};
    }
    at += kEntrySize + name_size + archive.U16(at + 30) + archive.U16(at + 32);
  }
  Fail(ErrorCode::kNotFound, "{}: the archive has no member '{}'", archive.where, name);
}

// Passes bytes on and remembers their count and checksum.
struct CheckedSink {
  const std::function<void(std::span<const uint8_t>)>& sink;
  size_t count = 0;
  uLong crc = crc32(0, nullptr, 0);
  void Write(std::span<const uint8_t> bytes) {
    count += bytes.size();
    crc = crc32_z(crc, bytes.data(), bytes.size());
    sink(bytes);
  }
};

void Inflate(std::span<const uint8_t> packed, std::string_view where, CheckedSink& sink) {
  z_stream stream{};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) {
    Fail(ErrorCode::kExhausted, "{}: no memory to unpack", where);
  }
  const std::unique_ptr<z_stream, int (*)(z_stream*)> guard(&stream, &inflateEnd);
  const auto buffer = std::make_unique<std::array<uint8_t, kPiece>>();
  int status = Z_OK;
  while (status == Z_OK) {
    if (stream.avail_in == 0) {
      const size_t take = std::min(packed.size(), kPiece);
      stream.next_in = const_cast<Bytef*>(packed.data());
      stream.avail_in = static_cast<uInt>(take);
      packed = packed.subspan(take);
    }
    stream.next_out = buffer->data();
    stream.avail_out = static_cast<uInt>(kPiece);
    status = inflate(&stream, Z_NO_FLUSH);
    sink.Write({buffer->data(), kPiece - stream.avail_out});
  }
  if (status != Z_STREAM_END) {
    Fail(ErrorCode::kCorrupt, "{}: the compressed data is damaged ({})", where,
         stream.msg != nullptr ? stream.msg : "cut short");
  }
}

}  // namespace

void ExtractZipMember(std::span<const uint8_t> bytes, std::string_view where,
                      std::string_view member,
                      const std::function<void(std::span<const uint8_t>)>& sink) {
  const Archive archive{bytes, where};
  const Member found = FindMember(archive, member);
  constexpr size_t kZip64Marker = 0xffffffff;
  if ((found.flags & 1) != 0 || found.size == kZip64Marker || found.packed_size == kZip64Marker) {
    Fail(ErrorCode::kUnsupported, "{}: member '{}' is encrypted or ZIP64", where, member);
  }
  if (archive.U32(found.local_header) != kLocalHeader) {
    Fail(ErrorCode::kCorrupt, "{}: member '{}' has no local header", where, member);
  }
  const size_t data = found.local_header + kLocalSize + archive.U16(found.local_header + 26) +
                      archive.U16(found.local_header + 28);
  const auto packed = archive.Slice(data, found.packed_size);
  CheckedSink checked{sink};
  switch (found.method) {
    case 0:
      checked.Write(packed);
      break;
    case 8:
      Inflate(packed, where, checked);
      break;
    default:
      Fail(ErrorCode::kUnsupported,
           "{}: member '{}' uses compression method {}; stored (0) and "
           "deflate (8) are known",
           where, member, found.method);
  }
  if (checked.count != found.size || checked.crc != found.crc) {
    Fail(ErrorCode::kCorrupt,
         "{}: member '{}' unpacks to {} bytes, CRC {:08x}; expected {}, {:08x}", where, member,
         checked.count, checked.crc, found.size, found.crc);
  }
}

}  // namespace tael
