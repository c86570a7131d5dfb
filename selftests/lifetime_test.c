// SPDX-License-Identifier: GPL-2.0
/*
 * VMs come and go: by kill -9, in any order of closing, two hundred in a row,
 * in another process, and while other threads guess at descriptors.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include "lodge_test.h"

LODGE_GUEST64(spin, "1: jmp 1b\n");
LODGE_GUEST64(halt, "hlt\n");

static void one_vm(void)
{
	struct lodge_guest guest;

	lodge_guest_setup(&guest);
	lodge_guest_start(&guest, 64, halt);
	lodge_vcpu_expect(&guest.vcpu, KVM_EXIT_HLT);
	lodge_guest_teardown(&guest);
	munmap(guest.vm.mem, LODGE_GUEST_MEM_SIZE);
}

TEST(a_killed_vmm_leaves_nothing_behind)
{
	int round, status;

	for (round = 0; round < 10; round++) {
		pid_t child = fork();

		if (!child) {
			struct lodge_guest guest;
			struct lodge_vcpu second;
			struct lodge_runner runner;

			lodge_guest_setup(&guest);
			lodge_vcpu_create(&guest.vm, &second, 1);
			lodge_guest_start(&guest, 64, spin);
			lodge_guest_long(&second, LODGE_GUEST_CODE);
			lodge_host_runner_start(&runner, &second);
			lodge_vcpu_run(&guest.vcpu);
			_exit(9);
		}
		usleep(150000);
		ASSERT_EQ(0, kill(child, SIGKILL));
		ASSERT_EQ(child, waitpid(child, &status, 0));
		ASSERT_TRUE(WIFSIGNALED(status));
	}
	one_vm();
}

TEST(files_may_be_closed_in_any_order)
{
	int order;

	for (order = 0; order < 6; order++) {
		struct lodge_guest g;
		int stats, fd[3], i;
		static const int way[6][3] = {
			{ 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
			{ 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 },
		};

		lodge_guest_setup(&g);
		lodge_guest_start(&g, 64, halt);
		lodge_vcpu_expect(&g.vcpu, KVM_EXIT_HLT);
		stats = lodge_vm_ioctl(g.vcpu.fd, KVM_GET_STATS_FD, NULL);
		ASSERT_LE(0, stats);
		fd[0] = g.vm.fd;
		fd[1] = g.vcpu.fd;
		fd[2] = stats;
		for (i = 0; i < 3; i++) {
			ASSERT_EQ(0, close(fd[way[order][i]]));
		}
		/* The mapping is the last reference. */
		ASSERT_EQ(KVM_EXIT_HLT, g.vcpu.run->exit_reason);
		munmap(g.vcpu.run, g.vm.run_size);
		munmap(g.vm.mem, LODGE_GUEST_MEM_SIZE);
	}
	one_vm();
}

static long unreclaimable_kb(void)
{
	char line[256];
	long slab = 0, kb;
	FILE *f = fopen("/proc/meminfo", "re");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "SUnreclaim: %ld", &kb) == 1 ||
		    sscanf(line, "PageTables: %ld", &kb) == 1 ||
		    sscanf(line, "SecPageTables: %ld", &kb) == 1)
			slab += kb;
	if (f)
		fclose(f);
	return slab;
}

FIXTURE(many) { int unused; };
FIXTURE_SETUP(many) { }
FIXTURE_TEARDOWN(many) { }

TEST_F_TIMEOUT(many, two_hundred_vms_leave_no_memory_behind, 240)
{
	long before, after;
	int i;

	for (i = 0; i < 40; i++)
		one_vm();
	sleep(1);	/* grace periods free the last ones */
	before = unreclaimable_kb();
	ASSERT_LT(0, before);
	for (i = 0; i < 200; i++)
		one_vm();
	sleep(1);
	after = unreclaimable_kb();
	/* One page lost per VM would be 800 KiB. */
	ASSERT_GT(before + 700, after) {
		TH_LOG("%ld KiB before, %ld KiB after", before, after);
	}
}

TEST(a_hundred_vcpus_of_one_vm)
{
	struct lodge_vm vm;
	struct lodge_vcpu vcpu[64];
	int i, max;

	lodge_vm_create(&vm);
	lodge_guest_init(&vm);
	max = lodge_vm_check(&vm, KVM_CAP_MAX_VCPUS);
	if (max > 64)
		max = 64;
	lodge_guest_load(&vm, LODGE_GUEST_CODE, halt, halt_end);
	for (i = 0; i < max; i++) {
		lodge_vcpu_create(&vm, &vcpu[i], i);
		lodge_guest_protected(&vcpu[i], LODGE_GUEST_CODE);
	}
	for (i = 0; i < max; i++)
		lodge_vcpu_expect(&vcpu[i], KVM_EXIT_HLT);
	for (i = max - 1; i >= 0; i--)
		lodge_vcpu_destroy(&vcpu[i]);
	lodge_vm_destroy(&vm);
}

TEST(another_process_gets_eio)
{
	struct lodge_guest g;
	struct kvm_regs regs;
	int status, stats;
	pid_t child;

	lodge_guest_setup(&g);
	lodge_guest_start(&g, 64, halt);
	stats = lodge_vm_ioctl(g.vm.fd, KVM_GET_STATS_FD, NULL);
	ASSERT_LE(0, stats);
	child = fork();
	if (!child) {
		char byte;
		int bad = 0;

		bad += lodge_vm_ioctl(g.vm.fd, KVM_CHECK_EXTENSION,
				      (void *)KVM_CAP_USER_MEMORY) != -EIO;
		bad += lodge_vm_ioctl(g.vm.fd, KVM_CREATE_VCPU,
				      (void *)5) != -EIO;
		bad += lodge_vm_ioctl(g.vm.fd, _IO(KVMIO, 0xfb), NULL) != -EIO;
		bad += lodge_vm_ioctl(g.vcpu.fd, KVM_RUN, NULL) != -EIO;
		bad += lodge_vm_ioctl(g.vcpu.fd, KVM_GET_REGS, &regs) != -EIO;
		bad += lodge_vm_ioctl(g.vcpu.fd, KVM_GET_REGS,
				      (void *)8) != -EIO;
		bad += read(stats, &byte, 1) != 1;
		_exit(bad);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	ASSERT_EQ(0, status) TH_LOG("%d answers differ", WEXITSTATUS(status));
	lodge_vcpu_expect(&g.vcpu, KVM_EXIT_HLT);
}

TEST(execve_closes_a_vm_with_its_descriptors)
{
	int status;
	pid_t child = fork();

	if (!child) {
		struct lodge_guest g;
		char fds[64];

		lodge_guest_setup(&g);
		snprintf(fds, sizeof(fds),
			 "test ! -e /proc/self/fd/%d -a ! -e /proc/self/fd/%d",
			 g.vm.fd, g.vcpu.fd);
		execl("/bin/sh", "sh", "-c", fds, NULL);
		_exit(9);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	ASSERT_EQ(0, status);
}

static volatile int stop_closing;

/* Closes the descriptors that the main thread is about to be given. */
static void *closer(void *arg)
{
	int base = *(int *)arg, i;

	while (!stop_closing)
		for (i = base; i < base + 6; i++)
			close(i);
	return NULL;
}

/* CVE-2019-6974: a descriptor was installed before its object was whole. */
TEST(descriptors_closed_at_birth)
{
	double end = lodge_host_now() + 3;
	unsigned long made = 0;
	pthread_t thread;
	int dev, base;

	dev = dup2(lodge_dev_open(), 100);
	ASSERT_EQ(100, dev);
	base = open("/dev/null", O_RDONLY);
	close(base);
	ASSERT_EQ(0, pthread_create(&thread, NULL, closer, &base));
	while (lodge_host_now() < end) {
		int vm = lodge_vm_ioctl(dev, KVM_CREATE_VM, NULL);
		struct kvm_create_device device = {
			.type = KVM_DEV_TYPE_VFIO,
		};

		if (vm < 0)
			continue;
		made++;
		lodge_vm_ioctl(vm, KVM_CREATE_VCPU, NULL);
		lodge_vm_ioctl(vm, KVM_GET_STATS_FD, NULL);
		lodge_vm_ioctl(vm, KVM_CREATE_DEVICE, &device);
		lodge_vm_ioctl(vm, KVM_CREATE_VCPU, (void *)1);
		close(vm);
	}
	stop_closing = 1;
	ASSERT_EQ(0, pthread_join(thread, NULL));
	ASSERT_LT(10, made);
	close_range(base, 90, 0);
	one_vm();
}

static void *destroyer(void *arg)
{
	struct lodge_guest *g = arg;

	usleep(20000);
	close(g->vm.fd);
	close(g->vcpu.fd);
	return NULL;
}

TEST(files_closed_while_the_vcpu_runs)
{
	int round;

	lodge_host_catch(SIGUSR1);
	for (round = 0; round < 10; round++) {
		struct lodge_guest g;
		struct lodge_runner runner;
		pthread_t thread;

		lodge_guest_setup(&g);
		lodge_guest_start(&g, 64, spin);
		lodge_host_runner_start(&runner, &g.vcpu);
		ASSERT_EQ(0, pthread_create(&thread, NULL, destroyer, &g));
		ASSERT_EQ(0, pthread_join(thread, NULL));
		lodge_host_runner_stop(&runner);
		munmap(g.vcpu.run, g.vm.run_size);
	}
	one_vm();
}

LODGE_TEST_MAIN
