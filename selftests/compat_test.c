// SPDX-License-Identifier: GPL-2.0
/*
 * A 32-bit VMM: structures whose layout differs between the two kinds of
 * process are understood, everything else works unchanged.
 */
#include <signal.h>

#include "lodge_test.h"

_Static_assert(sizeof(void *) == 4, "this test must be built with -m32");

#define PAGE 4096UL
#define GPA 0x1000000UL

LODGE_GUEST_FIXTURE(compat);

LODGE_GUEST32(report,
	"mov $0x1234, %eax\n"
	"out %eax, $0xe9\n"
	"mov 0x80000000, %eax\n"
	"out %eax, $0xe9\n"
	"hlt\n");

TEST_F(compat, guest_runs)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;
	uint32_t answer = 0x5678;

	lodge_guest_start(&self->guest, 32, report);
	ASSERT_EQ(0x1234, lodge_vcpu_expect_out(vcpu, LODGE_GUEST_PORT));
	lodge_vcpu_expect(vcpu, KVM_EXIT_MMIO);
	memcpy(vcpu->run->mmio.data, &answer, 4);
	ASSERT_EQ(answer, lodge_vcpu_expect_out(vcpu, LODGE_GUEST_PORT));
	lodge_vcpu_expect(vcpu, KVM_EXIT_HLT);
}

LODGE_GUEST64(long_mode, "mov $0x123456789, %rax\n hlt\n");

TEST_F(compat, long_mode_guest_runs)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;
	struct kvm_regs regs;

	lodge_guest_start(&self->guest, 64, long_mode);
	lodge_vcpu_expect(vcpu, KVM_EXIT_HLT);
	lodge_vcpu_get_regs(vcpu, &regs);
	ASSERT_EQ(0x123456789ULL, regs.rax);
}

LODGE_GUEST32(spin, "1: jmp 1b\n");

static int set_mask(struct lodge_vcpu *vcpu, uint32_t low, uint32_t high,
		    uint32_t len)
{
	struct {
		struct kvm_signal_mask head;
		uint32_t set[2];
	} mask = { .head.len = len, .set = { low, high } };

	return lodge_vm_ioctl(vcpu->fd, KVM_SET_SIGNAL_MASK, &mask);
}

/*
 * A 32-bit process writes the low word of the mask first. Blocking a signal
 * of the low word must not block one of the high word.
 */
TEST_F(compat, signal_mask_has_its_words_in_order)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;
	uint32_t usr1 = 1U << (SIGUSR1 - 1), rt = 1U << (40 - 33);
	sigset_t block;

	lodge_host_catch(SIGUSR1);
	lodge_host_catch(40);
	sigemptyset(&block);
	sigaddset(&block, SIGUSR1);
	sigaddset(&block, 40);
	ASSERT_EQ(0, sigprocmask(SIG_BLOCK, &block, NULL));
	lodge_guest_start(&self->guest, 32, spin);

	/* Only 40 is blocked inside: SIGUSR1 must end the call. */
	ASSERT_EQ(0, set_mask(vcpu, 0, rt, 8));
	ASSERT_EQ(0, raise(SIGUSR1));
	ASSERT_EQ(0, raise(40));
	ASSERT_EQ(-EINTR, lodge_vcpu_run(vcpu));
	ASSERT_EQ(0, sigpending(&block));
	ASSERT_EQ(1, sigismember(&block, SIGUSR1));
	ASSERT_EQ(1, sigismember(&block, 40));

	/* Both blocked inside: the guest's own halt ends the call. */
	lodge_guest_start(&self->guest, 64, long_mode);
	ASSERT_EQ(0, set_mask(vcpu, usr1, rt, 8));
	ASSERT_EQ(KVM_EXIT_HLT, lodge_vcpu_run(vcpu));

	/* Only SIGUSR1 blocked inside: 40 must end the call. */
	lodge_guest_start(&self->guest, 32, spin);
	ASSERT_EQ(0, set_mask(vcpu, usr1, 0, 8));
	ASSERT_EQ(-EINTR, lodge_vcpu_run(vcpu));
}

TEST_F(compat, signal_mask_length_is_checked)
{
	ASSERT_EQ(-EINVAL, set_mask(&self->guest.vcpu, 0, 0, 4));
	ASSERT_EQ(-EINVAL, set_mask(&self->guest.vcpu, 0, 0, 16));
	ASSERT_EQ(0, lodge_vm_ioctl(self->guest.vcpu.fd, KVM_SET_SIGNAL_MASK,
				    NULL));
}

LODGE_GUEST32(dirty_two,
	"movl $1, 0x1001000\n"
	"movl $1, 0x1005000\n"
	"hlt\n");

static void dirty_some(struct lodge_guest *guest)
{
	lodge_vm_add_memory(&guest->vm, 1, KVM_MEM_LOG_DIRTY_PAGES, GPA,
			    64 * PAGE);
	lodge_guest_start(guest, 32, dirty_two);
	lodge_vcpu_expect(&guest->vcpu, KVM_EXIT_HLT);
}

TEST_F(compat, dirty_log_pointer_has_32_bits)
{
	uint64_t guard[3] = { -1ULL, -1ULL, -1ULL };
	struct kvm_dirty_log log = { .slot = 1, .dirty_bitmap = &guard[1] };

	/* The upper half of the union is not part of a 32-bit pointer. */
	log.padding2 = 0xdeadbeef00000000ULL | (uint32_t)&guard[1];
	dirty_some(&self->guest);
	ASSERT_EQ(0, lodge_vm_ioctl(self->guest.vm.fd, KVM_GET_DIRTY_LOG,
				    &log));
	ASSERT_EQ(0x22, guard[1]);
	ASSERT_EQ(-1ULL, guard[0]);
	ASSERT_EQ(-1ULL, guard[2]);
}

TEST_F(compat, clear_dirty_log_pointer_has_32_bits)
{
	uint64_t bits = 0x22;
	struct kvm_clear_dirty_log clear = {
		.slot = 1, .num_pages = 64, .first_page = 0,
	};
	struct kvm_dirty_log log = { .slot = 1, .dirty_bitmap = &bits };
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, .args[0] = 1,
	};

	lodge_dev_require_ext(KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2,
			      "KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2");
	ASSERT_EQ(0, lodge_vm_ioctl(self->guest.vm.fd, KVM_ENABLE_CAP, &cap));
	clear.padding2 = 0xdeadbeef00000000ULL | (uint32_t)&bits;
	dirty_some(&self->guest);
	ASSERT_EQ(0, lodge_vm_ioctl(self->guest.vm.fd, KVM_CLEAR_DIRTY_LOG,
				    &clear));
	ASSERT_EQ(0, lodge_vm_ioctl(self->guest.vm.fd, KVM_GET_DIRTY_LOG,
				    &log));
	ASSERT_EQ(0, bits);
}

/* The filter's structure holds pointers: its size is part of the number. */
TEST_F(compat, msr_filter_has_a_number_of_its_own)
{
	uint8_t bitmap[8] = { 0 };
	struct kvm_msr_filter filter = {
		.flags = KVM_MSR_FILTER_DEFAULT_ALLOW,
		.ranges[0] = {
			.flags = KVM_MSR_FILTER_READ, .nmsrs = 1,
			.base = 0x35, .bitmap = bitmap,
		},
	};
	int ret;

	lodge_dev_require_ext(KVM_CAP_X86_MSR_FILTER, "KVM_CAP_X86_MSR_FILTER");
	ret = lodge_vm_ioctl(self->guest.vm.fd, KVM_X86_SET_MSR_FILTER,
			     &filter);
	ASSERT_EQ(0, ret);
	filter.flags = 2;
	ret = lodge_vm_ioctl(self->guest.vm.fd, KVM_X86_SET_MSR_FILTER,
			     &filter);
	ASSERT_EQ(-EINVAL, ret);
}

LODGE_TEST_MAIN
