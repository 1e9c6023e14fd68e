#include "runtime/data/dataset.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include "runtime/base/memory.h"
#include "runtime/data/dataset_writer.h"
#include "runtime/data/manifest.h"
#include "tests/runtime/temporary_directory.h"

namespace llc::data {
namespace {
using Ids = std::vector<int32_t>;

template <class T>
void put(std::string &out, T value) {
  out.append(reinterpret_cast<const char *>(&value), sizeof(value));
}

// .bin bytes with ids of either width.
template <class Id>
std::string binOf(const std::vector<Ids> &sequences) {
  std::string out;
  for (const Ids &ids : sequences) {
    put(out, uint32_t(ids.size()));
    for (int32_t id : ids) put(out, Id(id));
  }
  return out;
}

const std::vector<Ids> sample = {{1, 5, 6, 2}, {1, 2}, {7, 8, 9}};

Ids readAll(const Dataset &dataset, uint64_t sequence) {
  auto length = dataset.length(sequence);
  EXPECT_TRUE(length.ok());
  Ids ids(length.ok() ? *length : 0);
  EXPECT_TRUE(dataset.read(sequence, 0, ids).ok());
  return ids;
}

std::string writeSample(const TemporaryDirectory &folder, DatasetHeader header) {
  auto writer = DatasetWriter::create(folder.file("d.bin"), header);
  EXPECT_TRUE(writer.ok());
  for (const Ids &ids : sample) EXPECT_TRUE(writer->add(ids).ok());
  EXPECT_TRUE(writer->commit().ok());
  return folder.file("d.bin");
}

DatasetHeader sampleHeader() {
  DatasetHeader header;
  header.vocabulary = 10;
  header.hasEnds = true;
  for (size_t i = 0; i < 32; ++i) header.tokenizer[i] = uint8_t(i);
  return header;
}

TEST(Dataset, WritesTheBytesOfTheFormat) {
  TemporaryDirectory folder;
  writeSample(folder, sampleHeader());
  EXPECT_EQ(folder.read("d.bin"), binOf<int32_t>(sample));
  std::string index = "LLCIDX01";
  put(index, uint32_t(1));
  put(index, uint32_t(4));
  put(index, uint64_t(3));
  put(index, uint64_t(9));
  put(index, uint32_t(10));
  put(index, uint32_t(1));
  for (size_t i = 0; i < 32; ++i) put(index, uint8_t(i));
  for (uint64_t offset : {0, 20, 32, 48}) put(index, offset);
  EXPECT_EQ(folder.read("d.index"), index);
  EXPECT_EQ(folder.entries(), 2u);
}

TEST(Dataset, MarksSayWhatIsToBeLearned) {
  TemporaryDirectory folder;
  DatasetHeader header = sampleHeader();
  header.marked = header.paired = true;
  auto writer = DatasetWriter::create(folder.file("d"), header);
  ASSERT_TRUE(writer.ok());
  Ids stored = {unlearned(1), unlearned(0), 5, 9};
  EXPECT_TRUE(writer->add(stored).ok());
  EXPECT_FALSE(writer->add(Ids{unlearned(10)}).ok());  // outside the vocabulary
  EXPECT_FALSE(writer->commit().ok());                 // half a pair
  EXPECT_TRUE(writer->add(Ids{3}).ok());
  ASSERT_TRUE(writer->commit().ok());
  auto dataset = Dataset::open(folder.file("d"));
  ASSERT_TRUE(dataset.ok()) << dataset.error().text();
  EXPECT_TRUE(dataset->header().marked && dataset->header().paired && dataset->header().hasEnds);
  EXPECT_EQ(readAll(*dataset, 0), (Ids{1, 0, 5, 9}));
  Ids read(4);
  ASSERT_TRUE(dataset->readMarked(0, 0, read).ok());
  EXPECT_EQ(read, stored);
  EXPECT_TRUE(dataset->verify().ok());
  // The same bytes without the mark are ids that no vocabulary has; an odd number of sequences are no pairs.
  std::string index = folder.read("d.index");
  index[36] = 1;
  folder.write("d.index", index);
  EXPECT_FALSE(Dataset::open(folder.file("d"))->verify().ok());
  writeSample(folder, sampleHeader());
  index = folder.read("d.index");
  index[36] = 4;
  folder.write("d.index", index);
  EXPECT_FALSE(Dataset::open(folder.file("d")).ok());
}

TEST(Dataset, ReadsWhatWasWritten) {
  TemporaryDirectory folder;
  writeSample(folder, sampleHeader());
  for (const char *name : {"d.bin", "d.index", "d"}) {
    auto dataset = Dataset::open(folder.file(name));
    ASSERT_TRUE(dataset.ok()) << dataset.error().text();
    ASSERT_EQ(dataset->sequences(), 3u);
    EXPECT_EQ(dataset->tokens(), 9u);
    EXPECT_TRUE(dataset->header().hasEnds);
    EXPECT_EQ(dataset->header().tokenizer, sampleHeader().tokenizer);
    for (size_t i = 0; i < sample.size(); ++i) EXPECT_EQ(readAll(*dataset, i), sample[i]);
    Ids middle(2);
    ASSERT_TRUE(dataset->read(0, 1, middle).ok());
    EXPECT_EQ(middle, (Ids{5, 6}));
    EXPECT_TRUE(dataset->verify().ok());
  }
}

TEST(Dataset, MakesAMissingIndexForBothWidthsOfIds) {
  for (bool wide : {false, true}) {
    TemporaryDirectory folder;
    folder.write("d.bin", wide ? binOf<int64_t>(sample) : binOf<int32_t>(sample));
    for (int time = 0; time < 2; ++time) {  // the second time from the index that the first one wrote
      auto dataset = Dataset::open(folder.file("d.bin"));
      ASSERT_TRUE(dataset.ok()) << dataset.error().text();
      EXPECT_EQ(dataset->header().idBytes, wide ? 8u : 4u);
      ASSERT_EQ(dataset->sequences(), 3u);
      for (size_t i = 0; i < sample.size(); ++i) EXPECT_EQ(readAll(*dataset, i), sample[i]);
      EXPECT_EQ(folder.entries(), 2u);
    }
  }
}

TEST(Dataset, ReadsABareTableOfOffsets) {
  for (bool last : {false, true}) {
    TemporaryDirectory folder;
    folder.write("d.bin", binOf<int32_t>(sample));
    std::string table;
    for (uint64_t offset : {0, 20, 32}) put(table, offset);
    if (last) put(table, uint64_t(48));
    folder.write("d.idx", table);
    auto dataset = Dataset::open(folder.file("d"));
    ASSERT_TRUE(dataset.ok()) << dataset.error().text();
    EXPECT_EQ(readAll(*dataset, 2), sample[2]);
  }
}

TEST(Dataset, RefusesBrokenFiles) {
  std::string bin = binOf<int32_t>(sample);
  TemporaryDirectory folder;
  writeSample(folder, sampleHeader());
  std::string index = folder.read("d.index");
  auto refused = [&](std::string bin, std::string index, std::string_view says) {
    auto bytes = [](const std::string &text) { return std::as_bytes(std::span(text)); };
    auto dataset = Dataset::parse(bytes(bin), bytes(index), "x.bin");
    std::string found;
    if (!dataset)
      found = dataset.error().text();
    else if (Status status = dataset->verify(); !status)
      found = status.error().text();
    EXPECT_NE(found.find(says), found.npos) << found;
    EXPECT_NE(found.find("to fix"), found.npos) << found;
  };
  auto patched = [](std::string text, size_t at, auto value) {
    std::memcpy(text.data() + at, &value, sizeof(value));
    return text;
  };
  refused(bin, index.substr(0, 40), "cut off");
  refused(bin, patched(index, 8, uint32_t(2)), "version 2");
  refused(bin, patched(index, 12, uint32_t(3)), "ids of 3 bytes");
  refused(bin, patched(index, 16, uint64_t(1) << 62), "bytes of offsets");
  refused(bin, patched(index, 24, uint64_t(10)), "10 tokens");
  refused(bin.substr(0, 44), index, "belongs to a .bin of 48 bytes");
  refused(bin, patched(index, 80, uint64_t(1000)), "sequence 0");  // an offset behind the end
  refused(bin, patched(index, 80, uint64_t(22)), "sequence 0");    // not on a boundary
  refused(bin, patched(index, 88, uint64_t(20)), "sequence 1");    // not increasing
  refused(patched(bin, 20, uint32_t(7)), index, "its count is 7");
  refused(patched(bin, 24, int32_t(10)), index, "outside the vocabulary of 10 tokens: 10");
  refused(patched(bin, 24, int32_t(-1)), index, "outside the vocabulary");
  refused(bin + "x", "", "no dataset");
  refused(std::string(8, '\0'), "", "no dataset");
  refused(bin, "12345678", "neither an index");
}

TEST(Dataset, HoldsOnlyTouchedPagesInMemory) {
  TemporaryDirectory folder;
  // A sparse file that looks like 1 TB: two sequences far from each other.
  constexpr uint64_t huge = uint64_t(1) << 40, count = (uint64_t(1) << 31) - 1;
  uint64_t sequences = huge / (4 + 4 * count);
  std::string index = "LLCIDX01";
  put(index, uint32_t(1));
  put(index, uint32_t(4));
  put(index, sequences);
  put(index, sequences * count);
  index.append(40, '\0');
  for (uint64_t i = 0; i <= sequences; ++i) put(index, i * (4 + 4 * count));
  folder.write("d.index", index);
  std::string path = folder.write("d.bin", "");
  if (truncate(path.c_str(), off_t(sequences * (4 + 4 * count))) != 0) GTEST_SKIP() << "no sparse files here";
  FILE *file = fopen(path.c_str(), "r+b");
  for (uint64_t i : {uint64_t(0), sequences - 1}) {
    uint32_t word = uint32_t(count);
    fseeko(file, off_t(i * (4 + 4 * count)), SEEK_SET);
    fwrite(&word, 4, 1, file);
  }
  fclose(file);
  uint64_t before = peakResidentBytes();
  auto dataset = Dataset::open(path);
  ASSERT_TRUE(dataset.ok()) << dataset.error().text();
  Ids ids(1000);
  for (uint64_t i : {uint64_t(0), sequences - 1}) {
    ASSERT_TRUE(dataset->length(i).ok());
    EXPECT_TRUE(dataset->read(i, count - ids.size(), ids).ok());
  }
  EXPECT_FALSE(dataset->length(1).ok());  // its count is a hole
  EXPECT_LT(peakResidentBytes() - before, uint64_t(32) << 20);
}

TEST(DatasetWriter, RefusesIdsOutsideTheVocabularyAndLeavesNothing) {
  TemporaryDirectory folder;
  {
    auto writer = DatasetWriter::create(folder.file("d"), sampleHeader());
    ASSERT_TRUE(writer.ok());
    Ids bad = {1, 10};
    EXPECT_FALSE(writer->add(bad).ok());
  }
  EXPECT_EQ(folder.entries(), 0u);
}

TEST(Manifest, FindsAByteThatChanged) {
  TemporaryDirectory folder;
  DatasetPaths paths = datasetPaths(writeSample(folder, sampleHeader()));
  bool checked = true;
  EXPECT_TRUE(verifyManifest(paths, &checked).ok());
  EXPECT_FALSE(checked);
  ASSERT_TRUE(writeManifest(paths, {{"sources", {"a"}}}).ok());
  EXPECT_TRUE(verifyManifest(paths, &checked).ok());
  EXPECT_TRUE(checked);
  std::string bin = folder.read("d.bin");
  bin[8] = 3;
  folder.write("d.bin", bin);
  EXPECT_FALSE(verifyManifest(paths).ok());
}

}  // namespace
}  // namespace llc::data
