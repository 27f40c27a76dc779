#include "hub/parts_journal.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "hub/piece_board.h"
#include "tests/support/temporary_folder.h"

namespace tael {
namespace {

std::vector<PartFile> TwoFiles() { return {{"a", 3 * kPieceBytes + 5, "A"}, {"b", 10, "B"}}; }

TEST(PartsJournal, RemembersPiecesAcrossRuns) {
  const TemporaryFolder folder;
  const std::string path = JoinPath(folder.path(), "journal");
  {
    PartsJournal journal(path, TwoFiles());
    journal.Add(0, 1);
    journal.Add(0, 3);
    journal.Add(1, 0);
    journal.Add(0, 0);
    journal.Drop(0, 0);
  }
  for (int run = 0; run < 2; ++run) {  // the second reads what the first wrote anew
    PartsJournal journal(path, TwoFiles());
    EXPECT_FALSE(journal.Has(0, 0));
    EXPECT_TRUE(journal.Has(0, 1));
    EXPECT_EQ(journal.BytesOf(0), kPieceBytes + 5);
    EXPECT_EQ(journal.BytesOf(1), 10);
  }
  PartsJournal journal(path, TwoFiles());
  journal.Forget(0);
  EXPECT_EQ(PartsJournal(path, TwoFiles()).BytesOf(0), 0);
}

TEST(PartsJournal, KeepsWhatIsTheSameFileOnly) {
  const TemporaryFolder folder;
  const std::string path = JoinPath(folder.path(), "journal");
  const auto fill = [&] {
    PartsJournal journal(path, TwoFiles());
    journal.Add(0, 0);
    journal.Add(1, 0);
  };
  fill();
  // Another order, another hash, another size, no identity.
  EXPECT_EQ(PartsJournal(path, {{"b", 10, "B"}, {"a", 3 * kPieceBytes + 5, "C"}}).BytesOf(0), 10);
  fill();
  EXPECT_EQ(PartsJournal(path, {{"a", 3 * kPieceBytes + 6, "A"}}).BytesOf(0), 0);
  {
    PartsJournal journal(path, {{"a", 10, ""}});
    journal.Add(0, 0);
  }
  EXPECT_EQ(PartsJournal(path, {{"a", 10, ""}}).BytesOf(0), 0);
}

TEST(PartsJournal, SurvivesACutAtEveryByteAndGarbage) {
  const TemporaryFolder folder;
  const std::string path = JoinPath(folder.path(), "journal");
  {
    PartsJournal journal(path, TwoFiles());
    for (int64_t piece : {2, 0, 1}) journal.Add(0, piece);
  }
  const std::string text = ReadFile(path);
  const std::string head = text.substr(0, text.find('\n') + 1);
  int64_t last = 0;
  for (size_t length = head.size() - 3; length <= text.size(); ++length) {
    WriteFileAtomically(path, text.substr(0, length));
    const int64_t bytes = PartsJournal(path, TwoFiles()).BytesOf(0);
    EXPECT_GE(bytes, last) << length;
    EXPECT_LE(bytes, last + kPieceBytes) << length;
    last = bytes;
  }
  EXPECT_EQ(last, 3 * kPieceBytes);
  for (const char* garbage :
       {"p 7 0\n", "p 0 99\n", "p 0 -1\n", "p\n", "x 0 0\n", "p 0\n", "\n", "p 1 0 \n"}) {
    WriteFileAtomically(path, head + garbage);
    EXPECT_EQ(PartsJournal(path, TwoFiles()).BytesOf(0), 0) << garbage;
  }
}

TEST(PieceBoard, GivesEveryPieceOnceAndTakesThemBack) {
  const TemporaryFolder folder;
  PartsJournal journal(JoinPath(folder.path(), "j"),
                       {{"a", 10 * kPieceBytes - 1, "A"}, {"b", 5, "B"}});
  PieceBoard board(journal, 4);
  EXPECT_FALSE(board.Take());  // nothing is wanted
  board.Want(0, 10 * kPieceBytes);
  board.Want(1, 5);
  PieceJob first = board.Take().value();
  EXPECT_EQ(first.begin, 0);
  EXPECT_EQ(first.end, 2 * kPieceBytes);
  board.Advance(first, kPieceBytes + 3);
  EXPECT_EQ(first.begin, kPieceBytes);
  board.GiveBack(first);
  EXPECT_EQ(board.Front(0), kPieceBytes);
  int64_t bytes = kPieceBytes;
  while (auto job = board.Take()) {
    bytes += job->end - job->begin;
    board.Advance(*job, job->end);
  }
  EXPECT_EQ(bytes, 10 * kPieceBytes - 1 + 5);
  EXPECT_TRUE(board.WaitDone(0));
  EXPECT_EQ(board.Front(0), 10 * kPieceBytes - 1);
  EXPECT_EQ(board.MissingBytes(), 0);
}

TEST(PieceBoard, AFileWithoutRangesIsOneJob) {
  const TemporaryFolder folder;
  PartsJournal journal(JoinPath(folder.path(), "j"), {{"a", 5 * kPieceBytes, "A"}});
  PieceBoard board(journal, 4);
  board.Want(0, 5 * kPieceBytes);
  PieceJob job = board.Take().value();
  board.TakeWhole(0);
  board.GiveBack(job);
  job = board.Take().value();
  EXPECT_TRUE(job.whole);
  EXPECT_EQ(job.begin, 0);
  EXPECT_EQ(job.end, 5 * kPieceBytes);
  board.Stop(nullptr);
  EXPECT_FALSE(board.Take());
}

}  // namespace
}  // namespace tael
