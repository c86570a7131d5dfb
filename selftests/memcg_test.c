// SPDX-License-Identifier: GPL-2.0
/*
 * A VMM in a memory cgroup at its limit gets -ENOMEM; it works again when
 * the limit is raised, and the host is not touched.
 *
 * A process that may not be killed is the only one that sees the error: for
 * all others the kernel's answer is the killer. The killer's report holds a
 * call trace of its own, which is kept out of the log.
 */
#include <sys/stat.h>

#include "klog.h"
#include "lodge_test.h"

#define ROOT "/sys/fs/cgroup"
#define GROUP ROOT "/lodge-memcg-test"

static int limit_fd;

/* Opened beforehand: at the limit not even a file can be opened. */
static bool limit(const char *text)
{
	return write(limit_fd, text, strlen(text)) == (ssize_t)strlen(text);
}

static bool put(const char *file, const char *text)
{
	char path[256];

	snprintf(path, sizeof(path), GROUP "/%s", file);
	return lodge_host_write(path, text);
}

FIXTURE(memcg) { int unused; };

FIXTURE_SETUP(memcg)
{
	char pid[32];

	lodge_host_write(ROOT "/cgroup.subtree_control", "+memory");
	mkdir(GROUP, 0755);
	snprintf(pid, sizeof(pid), "%d", getpid());
	if (!put("memory.max", "512M") || !put("cgroup.procs", pid) ||
	    !lodge_host_write("/proc/self/oom_score_adj", "-1000"))
		lodge_host_skip("needs root and the memory controller in " ROOT);
	put("memory.swap.max", "0");
	limit_fd = open(GROUP "/memory.max", O_WRONLY | O_CLOEXEC);
	ASSERT_LE(0, limit_fd);
	lodge_klog_mark();
	lodge_host_quiet_log(true);
}

FIXTURE_TEARDOWN(memcg)
{
	char pid[32];
	int bad = lodge_klog_count("BUG:") + lodge_klog_count("WARNING:");

	lodge_host_quiet_log(false);
	snprintf(pid, sizeof(pid), "%d", getpid());
	lodge_host_write(ROOT "/cgroup.procs", pid);
	rmdir(GROUP);
	ASSERT_EQ(0, bad);
}

TEST_F(memcg, creation_fails_with_enomem_at_the_limit)
{
	static int fd[8192];
	int dev = lodge_dev_open();
	int n = 0, ret = 0;

	ASSERT_TRUE(limit("8M"));
	while (n < 8192) {
		int vm = lodge_vm_ioctl(dev, KVM_CREATE_VM, NULL);

		if (vm < 0) {
			ret = vm;
			break;
		}
		fd[n++] = vm;
		ret = lodge_vm_ioctl(vm, KVM_CREATE_VCPU, NULL);
		if (ret < 0)
			break;
		fd[n++] = ret;
	}
	ASSERT_EQ(-ENOMEM, ret) TH_LOG("after %d files", n);
	ASSERT_TRUE(limit("512M"));
	ret = lodge_vm_ioctl(dev, KVM_CREATE_VM, NULL);
	ASSERT_LE(0, ret);
	while (n--)
		close(fd[n]);
}

static LODGE_GUEST_FN void touch(uint64_t bytes)
{
	volatile uint64_t *p = (uint64_t *)0x1000000;
	uint64_t i;

	for (i = 0; i < bytes; i += 4096)
		p[i / 8] = i;
	lodge_guest_say(1);
}

TEST_F(memcg, guest_memory_stops_at_the_limit)
{
	const uint64_t size = 24 << 20;
	struct lodge_guest guest;
	void *mem;
	int ret;

	lodge_guest_setup(&guest);
	mem = lodge_vm_add_memory(&guest.vm, 1, 0, 0x1000000, size);
	madvise(mem, size, MADV_NOHUGEPAGE);
	lodge_guest_call(&guest.vcpu, touch, size);
	ASSERT_TRUE(limit("8M"));
	ret = lodge_vcpu_run(&guest.vcpu);
	ASSERT_TRUE(ret == -EFAULT || ret == -ENOMEM) TH_LOG("%d", ret);
	ASSERT_TRUE(limit("512M"));
	ASSERT_EQ(1, lodge_vcpu_expect_out(&guest.vcpu, LODGE_GUEST_PORT));
	ASSERT_EQ(4096, ((uint64_t *)mem)[512]);
}

LODGE_TEST_MAIN
