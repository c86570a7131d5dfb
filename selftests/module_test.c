// SPDX-License-Identifier: GPL-2.0
/*
 * The module comes and goes, and Lodge and stock KVM exclude each other in
 * both orders: the second is refused in words, the first keeps working.
 */
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "klog.h"
#include "lodge_test.h"

static const char *module_file(void)
{
	const char *path = getenv("LODGE_MODULE");

	return path ? path : "/build/lodge.ko";
}

/* Returns 0 or -errno. */
static int load_lodge(const char *params)
{
	int fd = lodge_dev_open_path(module_file(), O_RDONLY,
				     "Set LODGE_MODULE to the path of lodge.ko.");
	int ret = syscall(SYS_finit_module, fd, params, 0) ? -errno : 0;

	close(fd);
	return ret;
}

static int unload(const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK) ? -errno : 0;
}

static bool loaded(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/module/%s", name);
	return !access(path, F_OK);
}

static const char *stock_backend(void)
{
	FILE *f = fopen("/proc/cpuinfo", "re");
	char line[4096];
	bool amd = false;

	while (f && !amd && fgets(line, sizeof(line), f))
		amd = strstr(line, "AuthenticAMD");
	if (f)
		fclose(f);
	return amd ? "kvm_amd" : "kvm_intel";
}

static int load_stock(void)
{
	char command[64];

	snprintf(command, sizeof(command), "modprobe %s 2>/dev/null",
		 stock_backend());
	return system(command);
}

static void unload_stock(void)
{
	unload(stock_backend());
	unload("kvm");
}

static void one_guest(const char *device)
{
	struct lodge_guest guest;

	setenv("LODGE_DEVICE", device, 1);
	lodge_guest_setup(&guest);
	guest.vm.mem[LODGE_GUEST_CODE] = 0xf4;
	lodge_guest_long(&guest.vcpu, LODGE_GUEST_CODE);
	lodge_vcpu_expect(&guest.vcpu, KVM_EXIT_HLT);
	lodge_guest_teardown(&guest);
}

FIXTURE(module) { int unused; };

/* Every case starts with neither loaded. */
FIXTURE_SETUP(module)
{
	if (geteuid())
		lodge_host_skip("root required");
	if (loaded("lodge")) {
		ASSERT_EQ(0, unload("lodge"));
	}
	unload_stock();
	ASSERT_FALSE(loaded("kvm"));
	lodge_klog_mark();
}

FIXTURE_TEARDOWN(module)
{
	unload_stock();
	if (!loaded("lodge"))
		load_lodge("");
}

TEST_F(module, loads_runs_and_unloads)
{
	int round;

	for (round = 0; round < 3; round++) {
		ASSERT_EQ(0, load_lodge(""));
		one_guest("/dev/lodge");
		ASSERT_EQ(0, unload("lodge"));
		ASSERT_NE(0, access("/dev/lodge", F_OK));
		ASSERT_NE(0, access("/dev/kvm", F_OK));
	}
}

TEST_F(module, is_not_removed_under_a_vm)
{
	struct lodge_guest guest;

	ASSERT_EQ(0, load_lodge(""));
	setenv("LODGE_DEVICE", "/dev/lodge", 1);
	lodge_guest_setup(&guest);
	ASSERT_EQ(-EAGAIN, unload("lodge"));
	guest.vm.mem[LODGE_GUEST_CODE] = 0xf4;
	lodge_guest_long(&guest.vcpu, LODGE_GUEST_CODE);
	lodge_vcpu_expect(&guest.vcpu, KVM_EXIT_HLT);
	ASSERT_EQ(0, close(guest.vm.fd));
	ASSERT_EQ(-EAGAIN, unload("lodge"));
	ASSERT_EQ(0, close(guest.vcpu.fd));
	/* The mapping alone still holds the vCPU. */
	ASSERT_EQ(-EAGAIN, unload("lodge"));
	ASSERT_EQ(0, munmap(guest.vcpu.run, guest.vm.run_size));
	ASSERT_EQ(0, unload("lodge"));
}

TEST_F(module, second_after_stock_kvm_is_refused)
{
	if (load_stock())
		SKIP(return, "stock KVM does not load here");
	ASSERT_EQ(-EBUSY, load_lodge(""));
	ASSERT_FALSE(loaded("lodge"));
	ASSERT_TRUE(lodge_klog_has("lodge: "));
	ASSERT_TRUE(lodge_klog_has("kvm"));
	one_guest("/dev/kvm");
	unload_stock();
	ASSERT_EQ(0, load_lodge(""));
	one_guest("/dev/lodge");
}

TEST_F(module, second_after_a_bare_kvm_is_refused)
{
	if (system("modprobe kvm"))
		SKIP(return, "kvm.ko does not load here");
	ASSERT_EQ(-EBUSY, load_lodge(""));
	ASSERT_TRUE(lodge_klog_has("lodge: "));
	ASSERT_EQ(0, unload("kvm"));
	ASSERT_EQ(0, load_lodge(""));
}

TEST_F(module, stock_kvm_is_second_and_fails_by_itself)
{
	ASSERT_EQ(0, load_lodge(""));
	one_guest("/dev/lodge");
	ASSERT_NE(0, load_stock());
	ASSERT_FALSE(loaded(stock_backend()));
	one_guest("/dev/lodge");
	unload("kvm");
	one_guest("/dev/lodge");
	ASSERT_EQ(0, unload("lodge"));
	if (!load_stock())
		one_guest("/dev/kvm");
}

TEST_F(module, the_guard_says_where_to_go)
{
	char node[] = "/dev/lodge-test-232";
	int i;

	ASSERT_EQ(0, load_lodge(""));
	unlink(node);
	ASSERT_EQ(0, mknod(node, S_IFCHR | 0600, makedev(10, 232)));
	for (i = 0; i < 50; i++) {
		ASSERT_EQ(-1, open(node, O_RDWR | O_CLOEXEC));
		ASSERT_EQ(EBUSY, errno);
	}
	unlink(node);
	ASSERT_TRUE(lodge_klog_has("/dev/lodge"));
	/* It is rate limited: fifty opens do not make fifty lines. */
	ASSERT_GT(50, lodge_klog_count("/dev/lodge"));
	one_guest("/dev/lodge");
}

TEST_F(module, can_serve_stock_kvms_node)
{
	ASSERT_EQ(0, load_lodge("device=kvm"));
	one_guest("/dev/kvm");
	one_guest("/dev/lodge");
	ASSERT_EQ(0, unload("lodge"));
}

TEST_F(module, refuses_an_unknown_device_name)
{
	ASSERT_EQ(-EINVAL, load_lodge("device=elsewhere"));
	ASSERT_FALSE(loaded("lodge"));
	ASSERT_TRUE(lodge_klog_has("lodge: "));
}

/* Loads the module itself, so there need be no device before. */
TEST_HARNESS_MAIN
