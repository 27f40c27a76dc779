#include "base/piece_writer.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string>

#include "base/atomic_file.h"
#include "base/file.h"
#include "tests/support/temporary_folder.h"

namespace tael {
namespace {

constexpr size_t kPiece = PieceWriter::kPiece;

std::string Bytes(size_t count) {
  std::string bytes(count, '\0');
  uint32_t state = 1;
  for (char& byte : bytes) byte = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  return bytes;
}
std::span<const uint8_t> View(const std::string& bytes, size_t at, size_t count) {
  return {reinterpret_cast<const uint8_t*>(bytes.data()) + at, count};
}

// Sizes around pieces and sectors, given in parts that end anywhere; a disk, and memory, which may
// have no way past the page cache.
TEST(PieceWriter, WritesEveryByteWhateverTheParts) {
  TemporaryFolder folder;
  std::vector<std::string> paths = {JoinPath(folder.path(), "file")};
  const std::string in_memory = "/dev/shm/tael_piece_writer_" + std::to_string(getpid());
  if (std::filesystem::exists("/dev/shm")) paths.push_back(in_memory);
  const std::string bytes = Bytes(3 * kPiece + 5000);
  for (const std::string& path : paths) {
    for (const size_t size : {size_t{0}, size_t{1}, size_t{4096}, kPiece - 1, kPiece, kPiece + 4096,
                              2 * kPiece + 1, bytes.size()}) {
      for (const bool large : {false, true}) {
        for (const size_t part : {size_t{1000003}, 2 * kPiece + 77}) {
          const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
          if (fd < 0) continue;
          PieceWriter writer(fd, large);
          for (size_t at = 0; at < size; at += part) {
            ASSERT_EQ(writer.Append(View(bytes, at, std::min(part, size - at))), 0);
          }
          PieceWriter moved = std::move(writer);
          EXPECT_EQ(moved.Finish(), 0);
          close(fd);
          EXPECT_EQ(ReadFile(path), bytes.substr(0, size)) << path << " " << size << " " << large;
        }
      }
    }
    unlink(path.c_str());
  }
}

TEST(PieceWriter, AnErrorOfAPieceUnderWayIsTold) {
  for (const bool large : {false, true}) {
    const int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    ASSERT_GE(fd, 0);
    const std::string bytes = Bytes(kPiece);
    PieceWriter writer(fd, large);
    const int first = writer.Append(View(bytes, 0, kPiece));
    EXPECT_EQ(first != 0 ? first : writer.Append(View(bytes, 0, kPiece)), ENOSPC);
    writer.Wait();
    close(fd);
  }
}

// What is under way ends before its file is closed and removed.
TEST(PieceWriter, ALargeFileAppearsWholeOrNotAtAll) {
  TemporaryFolder folder;
  const std::string bytes = Bytes(9 * kPiece + 123), path = JoinPath(folder.path(), "file");
  const auto size = static_cast<int64_t>(bytes.size());
  {
    AtomicFile file(path, size);
    file.Write(View(bytes, 0, 5 * kPiece));
  }
  EXPECT_TRUE(ListDirectory(folder.path()).empty());
  AtomicFile file(path, size);
  file.Write(View(bytes, 0, bytes.size()));
  file.Commit();
  EXPECT_EQ(ReadFile(path), bytes);
}

}  // namespace
}  // namespace tael
