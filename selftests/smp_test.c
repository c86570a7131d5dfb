// SPDX-License-Identifier: GPL-2.0
/*
 * Several vCPUs of one VM: they see each other's writes, in order, and a
 * change of the memory slots reaches all of them.
 */
#include "lodge_test.h"

#define PAGE 4096UL
#define GPA 0x1000000UL

FIXTURE(smp) {
	struct lodge_guest guest;
	struct lodge_vcpu second;
	struct lodge_runner runner[2];
	volatile uint64_t *shared;
};

FIXTURE_SETUP(smp)
{
	lodge_guest_setup(&self->guest);
	lodge_vcpu_create(&self->guest.vm, &self->second, 1);
	self->shared = (void *)(self->guest.vm.mem + LODGE_GUEST_DATA);
}

FIXTURE_TEARDOWN(smp)
{
	lodge_vcpu_destroy(&self->second);
	lodge_guest_teardown(&self->guest);
}

static LODGE_GUEST_FN void ping_pong(uint64_t me)
{
	volatile uint64_t *turn = (uint64_t *)LODGE_GUEST_DATA;
	int i;

	for (i = 0; i < 2000; i++) {
		while (*turn % 2 != me)
			asm volatile("pause");
		__atomic_fetch_add(turn, 1, __ATOMIC_SEQ_CST);
	}
	lodge_guest_out(0x77, me);
}

TEST_F(smp, vcpus_take_turns)
{
	lodge_guest_call(&self->guest.vcpu, ping_pong, 0);
	lodge_guest_call(&self->second, ping_pong, 1);
	lodge_host_runner_start(&self->runner[0], &self->guest.vcpu);
	lodge_host_runner_start(&self->runner[1], &self->second);
	ASSERT_EQ(0, pthread_join(self->runner[0].thread, NULL));
	ASSERT_EQ(0, pthread_join(self->runner[1].thread, NULL));
	ASSERT_EQ(KVM_EXIT_IO, self->runner[0].last);
	ASSERT_EQ(0x77, self->guest.vcpu.run->io.port);
	ASSERT_EQ(KVM_EXIT_IO, self->runner[1].last);
	ASSERT_EQ(4000, self->shared[0]);
}

static LODGE_GUEST_FN void add_atomically(uint64_t times)
{
	volatile uint64_t *sum = (uint64_t *)LODGE_GUEST_DATA;

	while (times--)
		__atomic_fetch_add(sum, 1, __ATOMIC_SEQ_CST);
	lodge_guest_out(0x77, 0);
}

TEST_F(smp, atomic_additions_are_not_lost)
{
	lodge_guest_call(&self->guest.vcpu, add_atomically, 200000);
	lodge_guest_call(&self->second, add_atomically, 300000);
	lodge_host_runner_start(&self->runner[0], &self->guest.vcpu);
	lodge_host_runner_start(&self->runner[1], &self->second);
	ASSERT_EQ(0, pthread_join(self->runner[0].thread, NULL));
	ASSERT_EQ(0, pthread_join(self->runner[1].thread, NULL));
	ASSERT_EQ(500000, self->shared[0]);
}

/* Reads through a slot that comes and goes; MMIO exits go to the test. */
static LODGE_GUEST_FN void watch(uint64_t gpa)
{
	volatile uint64_t *p = (uint64_t *)gpa;
	volatile uint64_t *seen = (uint64_t *)LODGE_GUEST_DATA;

	for (;;) {
		uint64_t v = *p;

		if (v == 0x1111)
			seen[0]++;
		else if (v == 0x2222)
			seen[1]++;
		else if (v == ~0ULL)
			seen[2]++;
		else
			seen[3]++;
	}
}

static void *answer_mmio(void *arg)
{
	struct lodge_runner *runner = arg;

	while (!runner->stop) {
		int ret = lodge_vcpu_run(runner->vcpu);

		if (ret == KVM_EXIT_MMIO)
			memset(runner->vcpu->run->mmio.data, 0xff, 8);
		else if (ret != -EINTR)
			break;
		runner->last = ret;
	}
	return NULL;
}

static void wait_more(volatile uint64_t *counter, const char *what)
{
	uint64_t start = *counter;
	double end = lodge_host_now() + 10;

	while (*counter < start + 2) {
		lodge_check(lodge_host_now() < end, "the guest never saw %s",
			    what);
		usleep(1000);
	}
}

static void watchers_start(struct lodge_guest *guest,
			   struct lodge_vcpu *second,
			   struct lodge_runner *runner)
{
	int i;

	lodge_host_catch(SIGUSR1);
	lodge_guest_call(&guest->vcpu, watch, GPA);
	lodge_guest_call(second, watch, GPA);
	for (i = 0; i < 2; i++) {
		memset(&runner[i], 0, sizeof(*runner));
		runner[i].vcpu = i ? second : &guest->vcpu;
		lodge_check(!pthread_create(&runner[i].thread, NULL,
					    answer_mmio, &runner[i]),
			    "pthread_create");
	}
}

TEST_F(smp, slots_change_under_running_vcpus)
{
	uint64_t *a = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t *b = a + PAGE / 8;
	struct lodge_vm *vm = &self->guest.vm;
	int round;

	*a = 0x1111;
	*b = 0x2222;
	watchers_start(&self->guest, &self->second, self->runner);
	for (round = 0; round < 15; round++) {
		wait_more(&self->shared[2], "no memory");
		ASSERT_EQ(0, lodge_vm_set_region(vm, 1, 0, GPA, PAGE, a));
		wait_more(&self->shared[0], "the first page");
		ASSERT_EQ(0, lodge_vm_set_region(vm, 1, 0, 0, 0, NULL));
		ASSERT_EQ(0, lodge_vm_set_region(vm, 2, 0, GPA, PAGE, b));
		wait_more(&self->shared[1], "the second page");
		ASSERT_EQ(0, lodge_vm_set_region(vm, 2, 0, 0, 0, NULL));
	}
	lodge_host_runner_stop(&self->runner[0]);
	lodge_host_runner_stop(&self->runner[1]);
	ASSERT_EQ(0, self->shared[3]);
}

/* CVE-2013-4592: a slot that moves must take its mappings along. */
TEST_F(smp, a_slot_moves_under_running_vcpus)
{
	uint64_t *a = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct lodge_vm *vm = &self->guest.vm;
	uint64_t before;
	int round;

	*a = 0x1111;
	ASSERT_EQ(0, lodge_vm_set_region(vm, 1, 0, GPA, PAGE, a));
	watchers_start(&self->guest, &self->second, self->runner);
	for (round = 0; round < 15; round++) {
		wait_more(&self->shared[0], "the page");
		ASSERT_EQ(0, lodge_vm_set_region(vm, 1, 0, GPA + PAGE, PAGE,
						 a));
		wait_more(&self->shared[2], "no memory");
		before = self->shared[0];
		wait_more(&self->shared[2], "no memory");
		ASSERT_GE(before + 1, self->shared[0]);
		ASSERT_EQ(0, lodge_vm_set_region(vm, 1, 0, GPA, PAGE, a));
	}
	lodge_host_runner_stop(&self->runner[0]);
	lodge_host_runner_stop(&self->runner[1]);
}

TEST_F(smp, unmapping_reaches_all_vcpus)
{
	uint64_t *a = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int round;

	ASSERT_EQ(0, lodge_vm_set_region(&self->guest.vm, 1, 0, GPA, PAGE, a));
	watchers_start(&self->guest, &self->second, self->runner);
	for (round = 0; round < 20; round++) {
		uint64_t mark = round & 1 ? 0x1111 : 0x2222;
		uint64_t *b = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		*b = mark;
		ASSERT_EQ(a, mremap(b, PAGE, PAGE,
				    MREMAP_MAYMOVE | MREMAP_FIXED, a));
		wait_more(&self->shared[round & 1 ? 0 : 1], "the new page");
	}
	lodge_host_runner_stop(&self->runner[0]);
	lodge_host_runner_stop(&self->runner[1]);
	ASSERT_EQ(0, self->shared[2]);
}

LODGE_TEST_MAIN
