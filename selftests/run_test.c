// SPDX-License-Identifier: GPL-2.0
/*
 * The contract of KVM_RUN and of the page it shares with user space.
 */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/time.h>

#include "lodge_test.h"

LODGE_GUEST_FIXTURE(run);

LODGE_GUEST64(say_forever,
	"mov $1, %eax\n"
	"1: out %eax, $0xe9\n"
	"inc %eax\n"
	"jmp 1b\n");
LODGE_GUEST64(spin, "1: jmp 1b\n");

TEST_F(run, immediate_exit_leaves_the_exit_reason)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;

	lodge_guest_start(&self->guest, 64, say_forever);
	ASSERT_EQ(1, lodge_vcpu_expect_out(vcpu, LODGE_GUEST_PORT));
	vcpu->run->immediate_exit = 1;
	ASSERT_EQ(-EINTR, lodge_vcpu_run(vcpu));
	ASSERT_EQ(KVM_EXIT_IO, vcpu->run->exit_reason);
	ASSERT_EQ(1, vcpu->run->immediate_exit);
	ASSERT_EQ(-EINTR, lodge_vcpu_run(vcpu));
	vcpu->run->immediate_exit = 0;
	ASSERT_EQ(2, lodge_vcpu_expect_out(vcpu, LODGE_GUEST_PORT));
}

TEST_F(run, immediate_exit_before_the_first_instruction)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;
	struct kvm_regs regs;

	lodge_guest_start(&self->guest, 64, spin);
	vcpu->run->exit_reason = 99;
	vcpu->run->immediate_exit = 1;
	ASSERT_EQ(-EINTR, lodge_vcpu_run(vcpu));
	lodge_vcpu_get_regs(vcpu, &regs);
	ASSERT_EQ(LODGE_GUEST_CODE, regs.rip);
}

static void alarm_in(int usec)
{
	struct itimerval timer = { .it_value.tv_usec = usec };

	lodge_host_catch(SIGALRM);
	lodge_check(!setitimer(ITIMER_REAL, &timer, NULL), "setitimer");
}

TEST_F(run, a_signal_ends_it_with_eintr)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;

	lodge_guest_start(&self->guest, 64, spin);
	alarm_in(50000);
	ASSERT_EQ(-EINTR, lodge_vcpu_run(vcpu));
	ASSERT_EQ(KVM_EXIT_INTR, vcpu->run->exit_reason);
}

static int set_mask(struct lodge_vcpu *vcpu, uint64_t set, uint32_t len)
{
	struct {
		struct kvm_signal_mask head;
		uint64_t set __attribute__((packed));
	} mask = { .head.len = len, .set = set };

	return lodge_vm_ioctl(vcpu->fd, KVM_SET_SIGNAL_MASK, &mask);
}

static void block(int sig)
{
	sigset_t set;

	lodge_host_catch(sig);
	sigemptyset(&set);
	sigaddset(&set, sig);
	lodge_check(!sigprocmask(SIG_BLOCK, &set, NULL), "block %d", sig);
}

TEST_F(run, blocked_signal_does_not_end_it)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;

	lodge_guest_start(&self->guest, 64, say_forever);
	block(SIGUSR1);
	ASSERT_EQ(0, raise(SIGUSR1));
	ASSERT_EQ(1, lodge_vcpu_expect_out(vcpu, LODGE_GUEST_PORT));
}

TEST_F(run, signal_mask_opens_a_blocked_signal)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;
	sigset_t pending, mask;

	lodge_guest_start(&self->guest, 64, spin);
	block(SIGUSR1);
	ASSERT_EQ(0, set_mask(vcpu, 0, 8));
	ASSERT_EQ(0, raise(SIGUSR1));
	ASSERT_EQ(-EINTR, lodge_vcpu_run(vcpu));
	ASSERT_EQ(KVM_EXIT_INTR, vcpu->run->exit_reason);
	ASSERT_EQ(0, sigpending(&pending));
	ASSERT_EQ(1, sigismember(&pending, SIGUSR1));
	ASSERT_EQ(0, sigprocmask(SIG_BLOCK, NULL, &mask));
	ASSERT_EQ(1, sigismember(&mask, SIGUSR1));
}

TEST_F(run, signal_mask_blocks_an_open_signal)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;
	int i;

	lodge_guest_start(&self->guest, 64, say_forever);
	ASSERT_EQ(0, set_mask(vcpu, 1ULL << (SIGALRM - 1), 8));
	alarm_in(1000);
	for (i = 1; i <= 200; i++) {
		int ret = lodge_vcpu_run(vcpu);

		ASSERT_EQ(KVM_EXIT_IO, ret);
	}
}

TEST_F(run, signal_mask_can_be_removed)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;

	lodge_guest_start(&self->guest, 64, say_forever);
	block(SIGUSR1);
	ASSERT_EQ(0, set_mask(vcpu, 0, 8));
	ASSERT_EQ(0, lodge_vm_ioctl(vcpu->fd, KVM_SET_SIGNAL_MASK, NULL));
	ASSERT_EQ(0, raise(SIGUSR1));
	ASSERT_EQ(KVM_EXIT_IO, lodge_vcpu_run(vcpu));
}

TEST_F(run, signal_mask_length_is_checked)
{
	ASSERT_EQ(-EINVAL, set_mask(&self->guest.vcpu, 0, 0));
	ASSERT_EQ(-EINVAL, set_mask(&self->guest.vcpu, 0, 4));
	ASSERT_EQ(-EINVAL, set_mask(&self->guest.vcpu, 0, 9));
}

TEST_F(run, argument_must_be_zero)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;

	lodge_guest_start(&self->guest, 64, say_forever);
	ASSERT_EQ(-EINVAL, lodge_vm_ioctl(vcpu->fd, KVM_RUN, (void *)1));
	ASSERT_EQ(1, lodge_vcpu_expect_out(vcpu, LODGE_GUEST_PORT));
}

LODGE_GUEST64(flags,
	"out %eax, $0xe9\n"
	"sti\n"
	"nop\n"
	"out %eax, $0xe9\n"
	"cli\n"
	"1: jmp 1b\n");

TEST_F(run, state_fields_are_true_on_every_return)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;
	struct kvm_run *run = vcpu->run;
	struct kvm_sregs sregs;

	lodge_guest_start(&self->guest, 64, flags);
	lodge_vcpu_expect(vcpu, KVM_EXIT_IO);
	ASSERT_EQ(0, run->if_flag);
	lodge_vcpu_expect(vcpu, KVM_EXIT_IO);
	ASSERT_EQ(1, run->if_flag);
	ASSERT_EQ(1, run->ready_for_interrupt_injection);
	run->if_flag = 1;
	run->apic_base = 0;
	run->flags = 0xffff;
	alarm_in(50000);
	ASSERT_EQ(-EINTR, lodge_vcpu_run(vcpu));
	ASSERT_EQ(0, run->if_flag);
	ASSERT_EQ(0, run->ready_for_interrupt_injection);
	ASSERT_EQ(0, run->flags);
	lodge_vcpu_get_sregs(vcpu, &sregs);
	ASSERT_EQ(sregs.apic_base, run->apic_base);
}

LODGE_GUEST64(task_priority,
	"mov %cr8, %rax\n"
	"out %eax, $0xe9\n"
	"mov $7, %eax\n"
	"mov %rax, %cr8\n"
	"out %eax, $0xe9\n"
	"mov $3, %eax\n"
	"mov %rax, %cr8\n"
	"mov %cr8, %rax\n"
	"out %eax, $0xe9\n");

TEST_F(run, cr8_travels_both_ways)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;
	struct kvm_sregs sregs;

	lodge_guest_start(&self->guest, 64, task_priority);
	vcpu->run->cr8 = 5;
	ASSERT_EQ(5, lodge_vcpu_expect_out(vcpu, LODGE_GUEST_PORT));
	ASSERT_EQ(7, lodge_vcpu_expect_out(vcpu, LODGE_GUEST_PORT));
	ASSERT_EQ(7, vcpu->run->cr8);
	/* Lowering it may let an interrupt through: user space must look. */
	lodge_vcpu_expect(vcpu, KVM_EXIT_SET_TPR);
	ASSERT_EQ(3, vcpu->run->cr8);
	ASSERT_EQ(3, lodge_vcpu_expect_out(vcpu, LODGE_GUEST_PORT));
	lodge_vcpu_get_sregs(vcpu, &sregs);
	ASSERT_EQ(3, sregs.cr8);
}

static sigjmp_buf bus_jump;

static void on_bus(int sig)
{
	siglongjmp(bus_jump, 1);
}

static bool readable(volatile unsigned char *byte)
{
	signal(SIGBUS, on_bus);
	if (sigsetjmp(bus_jump, 1))
		return false;
	(void)*byte;
	return true;
}

TEST_F(run, only_the_shared_pages_can_be_touched)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;
	unsigned char *map = mmap(NULL, 128 * 4096, PROT_READ | PROT_WRITE,
				  MAP_SHARED, vcpu->fd, 0);
	int page;

	ASSERT_NE(MAP_FAILED, map);
	for (page = 0; page < 128; page++) {
		ASSERT_EQ(page < 3, readable(map + page * 4096)) {
			TH_LOG("page %d", page);
		}
	}
	map[offsetof(struct kvm_run, immediate_exit)] = 1;
	ASSERT_EQ(1, vcpu->run->immediate_exit);
}

TEST_F(run, mapping_outlives_the_file)
{
	struct lodge_vcpu vcpu;

	lodge_vcpu_create(&self->guest.vm, &vcpu, 1);
	ASSERT_EQ(0, close(vcpu.fd));
	vcpu.run->immediate_exit = 1;
	ASSERT_EQ(1, vcpu.run->immediate_exit);
}

static void *run_until_stopped(void *arg)
{
	struct lodge_runner *runner = arg;

	while (!runner->stop)
		lodge_vcpu_run(runner->vcpu);
	return NULL;
}

TEST_F(run, vcpu_ioctls_wait_for_a_running_vcpu)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;
	struct lodge_runner runner = { .vcpu = vcpu };
	struct kvm_regs regs;
	int i;

	lodge_host_catch(SIGUSR1);
	lodge_guest_start(&self->guest, 64, say_forever);
	ASSERT_EQ(0, pthread_create(&runner.thread, NULL, run_until_stopped,
				    &runner));
	for (i = 0; i < 50; i++) {
		lodge_vcpu_get_regs(vcpu, &regs);
		ASSERT_LE(LODGE_GUEST_CODE, regs.rip);
		ASSERT_GE(LODGE_GUEST_CODE + 16, regs.rip);
	}
	lodge_host_runner_stop(&runner);
}

struct scribbler {
	struct lodge_vcpu *vcpu;
	volatile int stop;
	unsigned int seed;
};

/* Writes noise over what the kernel reads, and over what it has written. */
static void *scribble(void *arg)
{
	struct scribbler *s = arg;
	volatile unsigned char *page = (void *)s->vcpu->run;
	unsigned int spare = offsetof(struct kvm_run, kvm_valid_regs);

	while (!s->stop) {
		unsigned int i;

		for (i = 0; i < spare; i++)
			if (i != offsetof(struct kvm_run, immediate_exit))
				page[i] = rand_r(&s->seed);
		for (i = 4096; i < 3 * 4096; i += 8)
			*(volatile uint64_t *)(page + i) = -1ULL >> (i & 63);
	}
	return NULL;
}

LODGE_GUEST64(exit_mix,
	"cld\n"
	"1: mov $0x80000000, %edi\n"
	"mov %rax, (%rdi)\n"
	"mov (%rdi), %rbx\n"
	"mov $0x510, %edx\n"
	"in %dx, %eax\n"
	"out %eax, %dx\n"
	"mov $0x40000, %edi\n"
	"mov $0x100, %ecx\n"
	"rep insb\n"
	"mov $0x80000ffd, %edi\n"
	"mov %rax, (%rdi)\n"
	"fildl (%rdi)\n"
	"jmp 1b\n");

/* CVE-2021-3501: a count in the shared page was used as an array index. */
TEST_F(run, noise_in_the_shared_page_hurts_nobody)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;
	struct scribbler s = { .vcpu = vcpu, .seed = 1 };
	double end = lodge_host_now() + 3;
	unsigned long exits = 0;
	struct lodge_guest other;
	pthread_t thread;

	lodge_guest_start(&self->guest, 64, exit_mix);
	ASSERT_EQ(0, pthread_create(&thread, NULL, scribble, &s));
	while (lodge_host_now() < end) {
		int ret = lodge_vm_ioctl(vcpu->fd, KVM_RUN, NULL);
		struct kvm_regs regs;

		ASSERT_TRUE(ret == 0 || ret == -EINTR || ret == -EINVAL ||
			    ret == -EFAULT);
		exits++;
		lodge_vcpu_get_regs(vcpu, &regs);
		if (exits % 16 == 0)
			lodge_guest_start(&self->guest, 64, exit_mix);
	}
	s.stop = 1;
	ASSERT_EQ(0, pthread_join(thread, NULL));
	ASSERT_LT(20, exits);

	lodge_guest_setup(&other);
	lodge_guest_start(&other, 64, say_forever);
	ASSERT_EQ(1, lodge_vcpu_expect_out(&other.vcpu, LODGE_GUEST_PORT));
}

LODGE_TEST_MAIN
