#include "base/zip.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <string>
#include <vector>

#include "base/error.h"

namespace tael {
namespace {

void Put(std::string& out, uint64_t value, int bytes) {
  for (; bytes > 0; --bytes, value >>= 8) out.push_back(static_cast<char>(value));
}

std::string Deflate(const std::string& text) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

// An archive of one member, with the fields a reader looks at.
std::string MakeZip(const std::string& name, const std::string& text, bool deflated) {
  const std::string packed = deflated ? Deflate(text) : text;
  const uLong crc =
      crc32(0, reinterpret_cast<const Bytef*>(text.data()), static_cast<uInt>(text.size()));
  std::string fields;  // from "flags" to "extra length", the same in both headers
  Put(fields, 0, 2), Put(fields, deflated ? 8 : 0, 2), Put(fields, 0, 4), Put(fields, crc, 4);
  Put(fields, packed.size(), 4), Put(fields, text.size(), 4), Put(fields, name.size(), 2);
  Put(fields, 0, 2);
  std::string zip;
  Put(zip, 0x04034b50, 4), Put(zip, 20, 2);
  zip += fields + name + packed;
  const size_t directory = zip.size();
  Put(zip, 0x02014b50, 4), Put(zip, 20, 2), Put(zip, 20, 2);
  zip += fields;
  Put(zip, 0, 14);
  zip += name;
  const size_t directory_size = zip.size() - directory;
  Put(zip, 0x06054b50, 4), Put(zip, 0, 4), Put(zip, 1, 2), Put(zip, 1, 2);
  Put(zip, directory_size, 4), Put(zip, directory, 4), Put(zip, 0, 2);
  return zip;
}

std::string Extract(const std::string& zip, const std::string& member) {
  std::string out;
  ExtractZipMember({reinterpret_cast<const uint8_t*>(zip.data()), zip.size()}, "a.zip", member,
                   [&](std::span<const uint8_t> piece) { out.append(piece.begin(), piece.end()); });
  return out;
}

std::string LongText() {
  std::string text;
  for (int64_t i = 0; i < 200000; ++i) text += static_cast<char>('a' + i * i % 23);
  return text;
}

TEST(Zip, UnpacksStoredAndDeflatedMembers) {
  for (const bool deflated : {false, true}) {
    EXPECT_EQ(Extract(MakeZip("x/y", LongText(), deflated), "x/y"), LongText());
    EXPECT_EQ(Extract(MakeZip("e", "", deflated), "e"), "");
  }
}

TEST(Zip, NamesAMissingMember) {
  try {
    Extract(MakeZip("x", "text", true), "y");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kNotFound);
  }
}

TEST(Zip, EveryCutAndEveryFlippedByteGivesAnErrorOrTheRightText) {
  const std::string zip = MakeZip("m", "some text, some text, some text", true);
  for (size_t length = 0; length < zip.size(); ++length) {
    EXPECT_THROW(Extract(zip.substr(0, length), "m"), Error) << length;
  }
  for (size_t i = 0; i < zip.size(); ++i) {
    std::string damaged = zip;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x15);
    try {
      EXPECT_EQ(Extract(damaged, "m"), "some text, some text, some text") << i;
    } catch (const Error&) {
    }
  }
}

}  // namespace
}  // namespace tael
