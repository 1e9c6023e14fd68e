#include "runtime/threads/limits.h"

#include <gtest/gtest.h>

#include "tests/runtime/temporary_directory.h"

namespace llc {
namespace {

// A machine made of files: CPUs 0-7, two hyper-threads a core (0 and 4, 1 and 5 ...).
class Machine : public testing::Test {
 protected:
  Machine() {
    for (int cpu = 0; cpu < 8; ++cpu)
      directory.write(fmt("sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu),
                      fmt("%d,", cpu % 4) + fmt("%d\n", cpu % 4 + 4));
  }
  static std::string fmt(const char *format, int value) {
    char text[200];
    snprintf(text, sizeof(text), format, value);
    return text;
  }
  ThreadLimits limits(const std::vector<int> &cpus = {0, 1, 2, 3, 4, 5, 6, 7}) {
    return threadLimitsFrom(directory.path(), cpus);
  }
  TemporaryDirectory directory;
};

TEST_F(Machine, CountsCoresOnce) {
  EXPECT_EQ(limits().threads, 4);
  EXPECT_EQ(limits().affinity, 8);
  EXPECT_FALSE(limits().quota);
  EXPECT_EQ(limits({0, 4}).threads, 1);
  EXPECT_EQ(limits({1, 2, 4}).threads, 3);
  EXPECT_EQ(limits({0, 4}).reason, "2 CPUs may be used (affinity mask), on 1 physical core");
}

TEST_F(Machine, HonoursTheQuotaOfVersion2) {
  directory.write("proc/self/cgroup", "0::/box/inner\n");
  directory.write("sys/fs/cgroup/box/inner/cpu.max", "max 100000\n");
  EXPECT_EQ(limits().threads, 4);
  directory.write("sys/fs/cgroup/box/cpu.max", "290000 100000\n");  // the parent's limit holds, too
  EXPECT_EQ(limits().threads, 2);
  EXPECT_DOUBLE_EQ(*limits().quota, 2.9);
  EXPECT_TRUE(limits().quotaSource.ends_with("/box/cpu.max"));
  directory.write("sys/fs/cgroup/box/inner/cpu.max", "50000 100000\n");
  EXPECT_EQ(limits().threads, 1) << "never less than one";
}

TEST_F(Machine, HonoursTheQuotaOfVersion1) {
  directory.write("proc/self/cgroup", "4:memory:/m\n3:cpuacct,cpu:/box\n");
  directory.write("sys/fs/cgroup/cpu/box/cpu.cfs_quota_us", "-1\n");
  directory.write("sys/fs/cgroup/cpu/box/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(limits().threads, 4);
  directory.write("sys/fs/cgroup/cpu/box/cpu.cfs_quota_us", "310000\n");
  EXPECT_EQ(limits().threads, 3);
  directory.write("sys/fs/cgroup/cpu/box/cpu.cfs_quota_us", "12800000\n");
  EXPECT_NE(limits().reason.find("the time of 128 ("), std::string::npos) << limits().reason;
}

TEST_F(Machine, SeesTheGroupOfAContainerAtItsRoot) {
  directory.write("proc/self/cgroup", "0::/not/visible/here\n");
  directory.write("sys/fs/cgroup/cpu.max", "200000 100000\n");
  EXPECT_EQ(limits().threads, 2);
}

TEST_F(Machine, MemoryIsTheSmallestOfAll) {
  directory.write("proc/meminfo", "MemTotal: 16 kB\nMemAvailable:   1000 kB\nHugePages: 0\n");
  EXPECT_EQ(memoryLimitsFrom(directory.path()).availableBytes, 1000u << 10);
  directory.write("proc/self/cgroup", "4:memory:/m\n0::/box\n");
  directory.write("sys/fs/cgroup/box/memory.max", "max\n");
  directory.write("sys/fs/cgroup/box/memory.current", "5000\n");
  EXPECT_EQ(memoryLimitsFrom(directory.path()).source, "MemAvailable");
  directory.write("sys/fs/cgroup/box/memory.max", "900000\n");
  directory.write("sys/fs/cgroup/box/memory.current", "500000\n");
  directory.write("sys/fs/cgroup/box/memory.stat", "anon 1\ninactive_file 100000\nactive_file 50000\n");
  EXPECT_EQ(memoryLimitsFrom(directory.path()).availableBytes, 550000u) << "the page cache can be dropped";
  directory.write("sys/fs/cgroup/memory/m/memory.limit_in_bytes", "300000\n");
  directory.write("sys/fs/cgroup/memory/m/memory.usage_in_bytes", "200000\n");
  EXPECT_EQ(memoryLimitsFrom(directory.path()).availableBytes, 100000u);
  directory.write("sys/fs/cgroup/memory/m/memory.usage_in_bytes", "400000\n");
  EXPECT_EQ(memoryLimitsFrom(directory.path()).availableBytes, 0u);
}

TEST(Limits, ThisMachineAllowsSomething) {
  EXPECT_GE(threadLimits().threads, 1);
  EXPECT_GT(memoryLimits().availableBytes, 1u << 20);
}

}  // namespace
}  // namespace llc
