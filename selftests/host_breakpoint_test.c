// SPDX-License-Identifier: GPL-2.0
/*
 * Debug registers are one set for host and guest: a breakpoint of the host
 * keeps working around a guest that uses its own, and the other way round.
 */
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <sys/syscall.h>

#include "lodge_test.h"

static volatile uint32_t watched;
static volatile int traps;

FIXTURE(breakpoint) {
	struct lodge_guest guest;
	struct lodge_vcpu *vcpu;
	int fd;
	uint64_t hits;
};

/* Counts this thread's writes to @watched. */
static int watch(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_BREAKPOINT,
		.size = sizeof(attr),
		.bp_type = HW_BREAKPOINT_W,
		.bp_addr = (unsigned long)&watched,
		.bp_len = HW_BREAKPOINT_LEN_4,
		.exclude_kernel = 1,
		.exclude_hv = 1,
	};

	return syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
}

FIXTURE_SETUP(breakpoint)
{
	lodge_guest_setup(&self->guest);
	self->vcpu = &self->guest.vcpu;
	self->hits = 0;
	self->fd = watch();
	if (self->fd < 0)
		SKIP(return, "no hardware breakpoints here (%s): needs perf_event_open() and a processor with debug registers",
		     strerror(errno));
}

FIXTURE_TEARDOWN(breakpoint)
{
	if (self->fd >= 0)
		close(self->fd);
	lodge_guest_teardown(&self->guest);
}

/* One write is one hit, no more and no less. */
#define EXPECT_WATCHED()						\
	do {								\
		uint64_t hits_;						\
		watched++;						\
		ASSERT_EQ(sizeof(hits_), read(self->fd, &hits_, sizeof(hits_))); \
		ASSERT_EQ(self->hits + 1, hits_);			\
		self->hits = hits_;					\
	} while (0)

LODGE_GUEST64(uses_none,
	"1: cpuid\n"
	"out %eax, $0xe9\n"
	"jmp 1b\n");

TEST_F(breakpoint, hosts_survives_a_guest_without)
{
	int i;

	EXPECT_WATCHED();
	lodge_guest_start(&self->guest, 64, uses_none);
	for (i = 0; i < 5; i++) {
		lodge_vcpu_expect_out(self->vcpu, LODGE_GUEST_PORT);
		EXPECT_WATCHED();
	}
}

LODGE_GUEST64(uses_all,
	"mov $0x11111000, %eax\n mov %rax, %dr0\n"
	"mov $0x22222000, %eax\n mov %rax, %dr1\n"
	"mov $0x33333000, %eax\n mov %rax, %dr2\n"
	"mov $0x44444000, %eax\n mov %rax, %dr3\n"
	"mov $0xd0402, %eax\n mov %rax, %dr7\n"
	"xor %eax, %eax\n cpuid\n out %eax, $0xe9\n"
	"mov %dr0, %rax\n out %eax, $0xe9\n"
	"mov %dr1, %rax\n out %eax, $0xe9\n"
	"mov %dr2, %rax\n out %eax, $0xe9\n"
	"mov %dr3, %rax\n out %eax, $0xe9\n"
	"mov %dr7, %rax\n out %eax, $0xe9\n"
	"hlt\n");

TEST_F(breakpoint, both_sides_keep_their_own)
{
	static const uint32_t want[] = {
		0x11111000, 0x22222000, 0x33333000, 0x44444000, 0xd0402,
	};
	struct kvm_debugregs d;
	unsigned int i;

	EXPECT_WATCHED();
	lodge_guest_start(&self->guest, 64, uses_all);
	lodge_vcpu_expect_out(self->vcpu, LODGE_GUEST_PORT);
	for (i = 0; i < 5; i++) {
		EXPECT_WATCHED();
		ASSERT_EQ(want[i], lodge_vcpu_expect_out(self->vcpu, LODGE_GUEST_PORT));
	}
	EXPECT_WATCHED();
	lodge_vcpu_expect(self->vcpu, KVM_EXIT_HLT);
	EXPECT_WATCHED();
	ASSERT_EQ(0, lodge_vm_ioctl(self->vcpu->fd, KVM_GET_DEBUGREGS, &d));
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(want[i], d.db[i]);
	}
}

static void on_trap(int sig)
{
	traps++;
}

LODGE_GUEST64(aims_at_host,
	"mov (0x40000), %rax\n mov %rax, %dr1\n"
	"mov $0xd00408, %eax\n mov %rax, %dr7\n"	/* DR1: write, 4 bytes */
	"xor %eax, %eax\n cpuid\n out %eax, $0xe9\n"
	"hlt\n");

TEST_F(breakpoint, guests_watchpoint_does_not_fire_in_the_host)
{
	static volatile uint32_t target;
	uint64_t address = (uintptr_t)&target;

	signal(SIGTRAP, on_trap);
	memcpy(self->guest.vm.mem + 0x40000, &address, 8);
	lodge_guest_start(&self->guest, 64, aims_at_host);
	lodge_vcpu_expect_out(self->vcpu, LODGE_GUEST_PORT);
	target++;
	EXPECT_WATCHED();
	target++;
	lodge_vcpu_expect(self->vcpu, KVM_EXIT_HLT);
	target++;
	EXPECT_WATCHED();
	ASSERT_EQ(0, traps);
}

LODGE_TEST_MAIN
