// SPDX-License-Identifier: GPL-2.0
/*
 * KVM_CAP_SYNC_REGS: registers travel in the shared page, and values that an
 * ioctl would refuse are refused there too.
 */
#include <pthread.h>

#include "lodge_test.h"

#define ALL (KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS | KVM_SYNC_X86_EVENTS)

FIXTURE(sync) {
	struct lodge_guest guest;
	struct lodge_vcpu *vcpu;
	struct kvm_run *run;
};

LODGE_GUEST64(add,
	"1: inc %rbx\n"
	"out %eax, $0xe9\n"
	"jmp 1b\n");

FIXTURE_SETUP(sync)
{
	lodge_guest_setup(&self->guest);
	self->vcpu = &self->guest.vcpu;
	self->run = self->vcpu->run;
	ASSERT_EQ(ALL, lodge_vm_check(&self->guest.vm, KVM_CAP_SYNC_REGS) &
		       ALL);
	lodge_guest_start(&self->guest, 64, add);
}

FIXTURE_TEARDOWN(sync)
{
	lodge_guest_teardown(&self->guest);
}

TEST_F(sync, state_is_in_the_page_after_an_exit)
{
	struct kvm_vcpu_events events;
	struct kvm_sregs sregs;
	struct kvm_regs regs;

	self->run->kvm_valid_regs = ALL;
	lodge_vcpu_expect(self->vcpu, KVM_EXIT_IO);
	lodge_vcpu_get_regs(self->vcpu, &regs);
	lodge_vcpu_get_sregs(self->vcpu, &sregs);
	ASSERT_EQ(0, lodge_vm_ioctl(self->vcpu->fd, KVM_GET_VCPU_EVENTS,
				    &events));
	ASSERT_EQ(0, memcmp(&regs, &self->run->s.regs.regs, sizeof(regs)));
	ASSERT_EQ(0, memcmp(&sregs, &self->run->s.regs.sregs, sizeof(sregs)));
	ASSERT_EQ(0, memcmp(&events, &self->run->s.regs.events,
			    sizeof(events)));
}

TEST_F(sync, nothing_is_written_unless_asked)
{
	memset(&self->run->s.regs, 0x5a, sizeof(self->run->s.regs));
	self->run->kvm_valid_regs = 0;
	lodge_vcpu_expect(self->vcpu, KVM_EXIT_IO);
	ASSERT_EQ(0x5a5a5a5a5a5a5a5aULL, self->run->s.regs.regs.rbx);
	ASSERT_EQ(0x5a5a5a5a5a5a5a5aULL, self->run->s.regs.sregs.cr3);
}

TEST_F(sync, marked_registers_are_taken_once)
{
	self->run->kvm_valid_regs = ALL;
	lodge_vcpu_expect(self->vcpu, KVM_EXIT_IO);
	self->run->s.regs.regs.rbx = 0xbad1dea;
	self->run->kvm_dirty_regs = KVM_SYNC_X86_REGS;
	self->run->kvm_valid_regs = KVM_SYNC_X86_REGS;
	lodge_vcpu_expect(self->vcpu, KVM_EXIT_IO);
	ASSERT_EQ(0xbad1deb, self->run->s.regs.regs.rbx);
	ASSERT_EQ(0, self->run->kvm_dirty_regs);
	/* Not marked: what stands there is ignored. */
	self->run->s.regs.regs.rbx = 0xaaaa;
	lodge_vcpu_expect(self->vcpu, KVM_EXIT_IO);
	ASSERT_EQ(0xbad1dec, self->run->s.regs.regs.rbx);
}

TEST_F(sync, special_registers_are_taken)
{
	struct kvm_sregs sregs;

	self->run->kvm_valid_regs = ALL;
	lodge_vcpu_expect(self->vcpu, KVM_EXIT_IO);
	self->run->s.regs.sregs.cr2 = 0x123000;
	self->run->kvm_dirty_regs = KVM_SYNC_X86_SREGS;
	lodge_vcpu_expect(self->vcpu, KVM_EXIT_IO);
	lodge_vcpu_get_sregs(self->vcpu, &sregs);
	ASSERT_EQ(0x123000, sregs.cr2);
}

TEST_F(sync, events_are_taken)
{
	self->run->kvm_valid_regs = ALL;
	lodge_vcpu_expect(self->vcpu, KVM_EXIT_IO);
	self->run->s.regs.events.interrupt.injected = 1;
	self->run->s.regs.events.interrupt.nr = 0x66;
	self->run->kvm_dirty_regs = KVM_SYNC_X86_EVENTS;
	ASSERT_EQ(0x66, lodge_vcpu_expect_out(self->vcpu,
					      LODGE_GUEST_TRAP_PORT));
}

TEST_F(sync, unknown_sets_are_refused)
{
	int bit;

	for (bit = 3; bit < 32; bit++) {
		self->run->kvm_valid_regs = 1U << bit;
		ASSERT_EQ(-EINVAL, lodge_vcpu_run(self->vcpu));
		self->run->kvm_valid_regs = 0;
		self->run->kvm_dirty_regs = 1U << bit;
		ASSERT_EQ(-EINVAL, lodge_vcpu_run(self->vcpu));
		self->run->kvm_dirty_regs = 0;
	}
	lodge_vcpu_expect(self->vcpu, KVM_EXIT_IO);
}

TEST_F(sync, hostile_values_are_refused)
{
	struct kvm_sync_regs good;

	self->run->kvm_valid_regs = ALL;
	lodge_vcpu_expect(self->vcpu, KVM_EXIT_IO);
	good = self->run->s.regs;
	self->run->s.regs.sregs.cr0 = 0x80000000;
	self->run->kvm_dirty_regs = KVM_SYNC_X86_SREGS;
	ASSERT_EQ(-EINVAL, lodge_vcpu_run(self->vcpu));
	self->run->s.regs = good;
	self->run->s.regs.sregs.cr4 = -1;
	self->run->kvm_dirty_regs = KVM_SYNC_X86_SREGS;
	ASSERT_EQ(-EINVAL, lodge_vcpu_run(self->vcpu));
	self->run->s.regs = good;
	self->run->s.regs.events.exception.injected = 1;
	self->run->s.regs.events.exception.nr = 99;
	self->run->kvm_dirty_regs = KVM_SYNC_X86_EVENTS;
	ASSERT_EQ(-EINVAL, lodge_vcpu_run(self->vcpu));
	self->run->s.regs = good;
	self->run->kvm_dirty_regs = ALL;
	lodge_vcpu_expect(self->vcpu, KVM_EXIT_IO);
}

static volatile int stop;

static void *toggle(void *arg)
{
	struct kvm_run *run = arg;
	volatile unsigned char *e =
		(volatile unsigned char *)&run->s.regs.events;
	unsigned int seed = 5, i;

	while (!stop) {
		*(volatile __u64 *)&run->kvm_dirty_regs = ALL;
		*(volatile __u64 *)&run->s.regs.sregs.cr4 = rand_r(&seed);
		*(volatile __u64 *)&run->s.regs.sregs.cr0 = rand_r(&seed);
		for (i = 0; i < sizeof(run->s.regs.events); i++)
			e[i] = rand_r(&seed);
	}
	return NULL;
}

TEST_F(sync, values_that_change_meanwhile_are_harmless)
{
	double end = lodge_host_now() + 3;
	unsigned int refused = 0;
	pthread_t thread;

	self->run->kvm_valid_regs = ALL;
	lodge_vcpu_expect(self->vcpu, KVM_EXIT_IO);
	ASSERT_EQ(0, pthread_create(&thread, NULL, toggle, self->run));
	while (lodge_host_now() < end) {
		if (lodge_vm_ioctl(self->vcpu->fd, KVM_RUN, NULL) == -EINVAL)
			refused++;
	}
	stop = 1;
	ASSERT_EQ(0, pthread_join(thread, NULL));
	ASSERT_LT(0, refused);
	self->run->kvm_dirty_regs = 0;
	/* Stock KVM may find the state impossible afterwards and end the VM. */
	if (!lodge_dev_is_lodge())
		return;
	lodge_guest_start(&self->guest, 64, add);
	ASSERT_EQ(KVM_EXIT_IO, lodge_vcpu_run(self->vcpu));
}

LODGE_TEST_MAIN
