#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>

#include "runtime/base/mapped_file.h"
#include "runtime/base/memory.h"
#include "runtime/base/output_file.h"
#include "runtime/base/sha256.h"
#include "tests/runtime/temporary_directory.h"

namespace llc {
namespace {

std::span<const std::byte> bytesOf(std::string_view text) { return std::as_bytes(std::span(text.data(), text.size())); }

TEST(MappedFile, ShowsTheWholeFileAndChecksSlices) {
  TemporaryDirectory directory;
  auto file = MappedFile::open(directory.write("a", "hello"));
  ASSERT_TRUE(file);
  EXPECT_EQ(file->text(), "hello");
  EXPECT_EQ(file->slice(5, 0, "nothing")->size(), 0u);
  EXPECT_EQ(file->slice(1, 3, "the middle")->size(), 3u);
  auto beyond = file->slice(2, 4, "the tail");
  ASSERT_FALSE(beyond);
  EXPECT_NE(beyond.error().text().find("the tail"), std::string::npos);
  EXPECT_FALSE(file->slice(UINT64_MAX, 2, "an offset that overflows"));
  EXPECT_FALSE(file->slice(1, UINT64_MAX, "a length that overflows"));
}

TEST(MappedFile, OutlivesItsFileAndAcceptsEmptyOnes) {
  TemporaryDirectory directory;
  MappedFile copy;
  {
    auto file = MappedFile::open(directory.write("a", std::string(10000, 'x')));
    ASSERT_TRUE(file);
    copy = *file;
  }
  std::filesystem::remove(directory.file("a"));
  copy.release(0, copy.size());
  EXPECT_EQ(copy.text(), std::string(10000, 'x'));
  auto empty = MappedFile::open(directory.write("b", ""));
  ASSERT_TRUE(empty);
  EXPECT_EQ(empty->size(), 0u);
}

TEST(MappedFile, RefusesWhatIsNoFile) {
  TemporaryDirectory directory;
  auto missing = MappedFile::open(directory.file("none"));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::notFound);
  EXPECT_FALSE(missing.error().remedy.empty());
  EXPECT_FALSE(MappedFile::open(directory.path()));
  EXPECT_FALSE(readTextFile(directory.write("long", "123456"), 5));
  EXPECT_EQ(*readTextFile(directory.file("long"), 6), "123456");
}

TEST(OutputFile, AppearsOnlyWithCommit) {
  TemporaryDirectory directory;
  {
    auto file = OutputFile::create(directory.file("out"));
    ASSERT_TRUE(file);
    ASSERT_TRUE(file->write("abandoned"));
    EXPECT_FALSE(std::filesystem::exists(directory.file("out")));
  }
  EXPECT_EQ(directory.entries(), 0u);
  auto file = OutputFile::create(directory.file("out"), true);
  ASSERT_TRUE(file);
  ASSERT_TRUE(file->write("abc"));
  ASSERT_TRUE(file->padTo(8));
  ASSERT_TRUE(file->writeAt(1, bytesOf("X")));
  ASSERT_TRUE(file->write("end"));
  ASSERT_TRUE(file->commit());
  EXPECT_EQ(directory.read("out"), std::string("aXc\0\0\0\0\0end", 11));
  EXPECT_EQ(directory.entries(), 1u);
  struct stat info;
  ASSERT_EQ(stat(directory.file("out").c_str(), &info), 0);
  EXPECT_TRUE(info.st_mode & S_IXUSR);
}

// Whatever the pieces, around the boundaries at which they are handed on.
TEST(OutputFile, KeepsTheOrderOfPiecesOfAnySize) {
  TemporaryDirectory directory;
  auto file = OutputFile::create(directory.file("out"));
  ASSERT_TRUE(file);
  constexpr size_t huge = 2 << 20;
  std::string expected;
  for (size_t size : {size_t(1), huge - 2, size_t(1), size_t(0), huge, huge + 1, 3 * huge, size_t(5), 2 * huge - 7}) {
    std::string piece(size, '\0');
    for (size_t i = 0; i < size; ++i) piece[i] = char((expected.size() + i) * 2654435761u >> 13);
    ASSERT_TRUE(file->write(piece));
    expected += piece;
    ASSERT_EQ(file->size(), expected.size());
  }
  for (size_t at : {size_t(0), huge - 1, expected.size() - 3, expected.size() / huge * huge - 1}) {
    ASSERT_TRUE(file->writeAt(at, bytesOf("abc")));
    expected.replace(at, 3, "abc");
  }
  ASSERT_TRUE(file->commit());
  EXPECT_EQ(directory.read("out"), expected);
}

TEST(OutputFile, LeavesNothingWhenTheDiskIsFull) {
  TemporaryDirectory directory;
  directory.write("out", "old");
  struct rlimit before;
  getrlimit(RLIMIT_FSIZE, &before);
  signal(SIGXFSZ, SIG_IGN);  // the limit on file sizes stands in for a full disk: write() fails the same way
  struct rlimit small = {4096, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  {
    auto file = OutputFile::create(directory.file("out"));
    ASSERT_TRUE(file);
    Status status = file->write(std::string(10000, 'x'));
    if (status) status = file->commit();
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().kind, ErrorKind::resource);
    EXPECT_EQ(status.error().exitCode(), 4);
  }
  setrlimit(RLIMIT_FSIZE, &before);
  signal(SIGXFSZ, SIG_DFL);
  EXPECT_EQ(directory.read("out"), "old");
  EXPECT_EQ(directory.entries(), 1u);
}

TEST(OutputFile, NamesAFolderThatIsNotThere) {
  TemporaryDirectory directory;
  auto file = OutputFile::create(directory.file("no/such/out"));
  ASSERT_FALSE(file);
  EXPECT_NE(file.error().text().find("no/such/out"), std::string::npos);
}

// Examples of FIPS 180-4.
TEST(Sha256, KnownValues) {
  EXPECT_EQ(sha256({}), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256(bytesOf("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256(bytesOf("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(sha256(bytesOf(std::string(1000000, 'a'))),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, WithAndWithoutTheProcessorsInstructions) {
  std::string text;
  for (int i = 0; i < 5000; ++i) {
    Sha256 fast(true), plain(false);
    fast.update(bytesOf(text)), plain.update(bytesOf(text));
    if (i % 37 == 0) {
      ASSERT_EQ(fast.hex(), plain.hex()) << i;
    }
    text += char(i * i >> 3);
  }
}

TEST(Sha256, PiecesGiveTheSame) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += char(i * 7);
  for (size_t piece : {1u, 3u, 63u, 64u, 65u, 200u}) {
    Sha256 hash;
    for (size_t at = 0; at < text.size(); at += piece) hash.update(bytesOf(std::string_view(text).substr(at, piece)));
    EXPECT_EQ(hash.hex(), sha256(bytesOf(text))) << piece;
  }
}

TEST(Memory, IsZeroAndAligned) {
  auto memory = allocatePages(5 << 20, "a test", "nothing");
  ASSERT_TRUE(memory);
  auto *bytes = static_cast<char *>(memory->get());
  EXPECT_EQ(reinterpret_cast<uintptr_t>(bytes) % 4096, 0u);
  EXPECT_EQ(bytes[0] + bytes[(5 << 20) - 1], 0);
  auto tooMuch = allocatePages(UINT64_MAX - 10, "too much", "ask for less");
  ASSERT_FALSE(tooMuch);
  EXPECT_EQ(tooMuch.error().kind, ErrorKind::resource);
  EXPECT_EQ(humanBytes(1536), "1.5 KiB");
  EXPECT_GT(peakResidentBytes(), 1u << 20);
}

}  // namespace
}  // namespace llc
