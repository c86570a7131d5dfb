// SPDX-License-Identifier: GPL-2.0
/*
 * A VMM in a memory cgroup at its limit gets -ENOMEM; it works again when
 * the limit is raised, and the host is not touched.
 */
#include <sys/mount.h>
#include <sys/stat.h>

#include "lodge_test.h"

#define MOUNT "/tmp/lodge-memcg"
#define GROUP MOUNT "/test"

static void put(const char *file, const char *text)
{
	char path[256];

	snprintf(path, sizeof(path), GROUP "/%s", file);
	lodge_check(lodge_host_write(path, text), "%s: %s", path, text);
}

/*
 * The first version of the controller can tell the killer to stay away, so
 * that the error reaches the caller.
 */
static void enter_group(const char *limit)
{
	char pid[32];

	mkdir(MOUNT, 0700);
	if (mount("none", MOUNT, "cgroup", 0, "memory") && errno != EBUSY)
		lodge_host_skip("cgroup v1 memory controller: %s; needs root and CONFIG_MEMCG_V1",
				strerror(errno));
	mkdir(GROUP, 0700);
	if (access(GROUP "/memory.oom_control", W_OK))
		lodge_host_skip("no memory.oom_control: needs CONFIG_MEMCG_V1");
	put("memory.oom_control", "1");
	put("memory.limit_in_bytes", limit);
	snprintf(pid, sizeof(pid), "%d", getpid());
	put("cgroup.procs", pid);
}

static bool is_charged(void)
{
	return lodge_host_read_long(GROUP "/memory.kmem.usage_in_bytes", 0) ||
	       lodge_host_read_long(GROUP "/memory.usage_in_bytes", 0);
}

TEST(creation_fails_with_enomem_at_the_limit)
{
	static int fd[4096];
	int dev = lodge_dev_open();
	int n = 0, ret = 0;

	enter_group("8M");
	while (n < 4096) {
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
	ASSERT_TRUE(is_charged());
	put("memory.limit_in_bytes", "512M");
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

TEST(guest_memory_stops_at_the_limit)
{
	const uint64_t size = 64 << 20;
	struct lodge_guest guest;
	void *mem;
	int ret;

	enter_group("512M");
	lodge_guest_setup(&guest);
	mem = lodge_vm_add_memory(&guest.vm, 1, 0, 0x1000000, size);
	madvise(mem, size, MADV_NOHUGEPAGE);
	lodge_guest_call(&guest.vcpu, touch, size);
	put("memory.limit_in_bytes", "16M");
	ret = lodge_vcpu_run(&guest.vcpu);
	ASSERT_TRUE(ret == -EFAULT || ret == -ENOMEM) TH_LOG("%d", ret);
	put("memory.limit_in_bytes", "512M");
	ASSERT_EQ(1, lodge_vcpu_expect_out(&guest.vcpu, LODGE_GUEST_PORT));
	ASSERT_EQ(4096, ((uint64_t *)mem)[512]);
}

LODGE_TEST_MAIN
