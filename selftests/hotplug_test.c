// SPDX-License-Identifier: GPL-2.0
/*
 * Processors go offline and come back while a guest runs.
 */
#include "lodge_test.h"

#define ONLINE "/sys/devices/system/cpu/cpu1/online"

LODGE_GUEST_FIXTURE(hotplug);

static LODGE_GUEST_FN void count(uint64_t arg)
{
	uint32_t i;

	for (i = 0;; i++)
		lodge_guest_say(i);
}

static bool progressed(void *arg)
{
	struct lodge_runner *runner = arg;

	return runner->exits > 50;
}

static void expect_progress(struct lodge_runner *runner, const char *when)
{
	runner->exits = 0;
	lodge_check(lodge_host_wait(progressed, runner, 20),
		    "no progress %s (last %d)", when, runner->last);
}

TEST_F(hotplug, a_guest_survives_its_cpu)
{
	struct lodge_runner runner;
	int round;

	if (lodge_host_cpus() < 2 || access(ONLINE, W_OK))
		SKIP(return, "needs root and two CPUs, one of them removable");
	lodge_guest_call(&self->guest.vcpu, count, 0);
	lodge_host_pin(1);
	lodge_host_runner_start(&runner, &self->guest.vcpu);
	expect_progress(&runner, "at the start");
	for (round = 0; round < 4; round++) {
		ASSERT_TRUE(lodge_host_write(ONLINE, "0"));
		expect_progress(&runner, "with the CPU offline");
		ASSERT_TRUE(lodge_host_write(ONLINE, "1"));
		expect_progress(&runner, "with the CPU back");
	}
	ASSERT_EQ(KVM_EXIT_IO, lodge_host_runner_stop(&runner));
}

TEST_F(hotplug, a_returned_cpu_runs_guests)
{
	int i;

	if (lodge_host_cpus() < 2 || access(ONLINE, W_OK))
		SKIP(return, "needs root and two CPUs, one of them removable");
	ASSERT_TRUE(lodge_host_write(ONLINE, "0"));
	lodge_guest_call(&self->guest.vcpu, count, 0);
	lodge_vcpu_expect_out(&self->guest.vcpu, LODGE_GUEST_PORT);
	ASSERT_TRUE(lodge_host_write(ONLINE, "1"));
	for (i = 0; i < 20; i++) {
		lodge_host_pin(i & 1);
		ASSERT_EQ(i + 1, lodge_vcpu_expect_out(&self->guest.vcpu,
						       LODGE_GUEST_PORT));
	}
}

TEST_F(hotplug, a_vcpu_moves_between_cpus)
{
	int i;

	if (lodge_host_cpus() < 2)
		SKIP(return, "needs two CPUs");
	lodge_guest_call(&self->guest.vcpu, count, 0);
	for (i = 0; i < 200; i++) {
		lodge_host_pin(i % 2);
		ASSERT_EQ(i, lodge_vcpu_expect_out(&self->guest.vcpu,
						   LODGE_GUEST_PORT));
	}
}

LODGE_TEST_MAIN
