// SPDX-License-Identifier: GPL-2.0
/*
 * Suspend to memory, up to the level that the kernel's own test knob allows,
 * with a guest running: it goes on afterwards.
 */
#include "lodge_test.h"

#define PM_TEST "/sys/power/pm_test"
#define STATE "/sys/power/state"

FIXTURE(suspend) {
	struct lodge_guest guest;
	struct lodge_runner runner;
};

static LODGE_GUEST_FN void count(uint64_t arg)
{
	volatile uint64_t *word = (uint64_t *)LODGE_GUEST_DATA;
	uint32_t i;

	for (i = 1;; i++) {
		*word = i;
		lodge_guest_say(i);
	}
}

FIXTURE_SETUP(suspend)
{
	char states[64];

	if (access(PM_TEST, W_OK) ||
	    !lodge_host_read(STATE, states, sizeof(states)) ||
	    !strstr(states, "mem"))
		lodge_host_skip("needs root, CONFIG_PM_DEBUG and suspend to memory");
	lodge_guest_setup(&self->guest);
	lodge_guest_call(&self->guest.vcpu, count, 0);
	lodge_host_runner_start(&self->runner, &self->guest.vcpu);
}

FIXTURE_TEARDOWN(suspend)
{
	lodge_host_write(PM_TEST, "none");
	if (!self->runner.stop)
		lodge_host_runner_stop(&self->runner);
	lodge_guest_teardown(&self->guest);
}

static bool progressed(void *arg)
{
	struct lodge_runner *runner = arg;

	return runner->exits > 20;
}

static void expect_progress(struct lodge_runner *runner, const char *when)
{
	runner->exits = 0;
	lodge_check(lodge_host_wait(progressed, runner, 20),
		    "no progress %s (last %d)", when, runner->last);
}

/* The transport of a 9p root file system does not come back from suspend. */
static bool root_is_lost(void)
{
	FILE *f = fopen("/proc/mounts", "re");
	char line[512];
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f))
		found = strstr(line, " 9p ");
	if (f)
		fclose(f);
	return found && !getenv("LODGE_SUSPEND");
}

static void suspend_at(struct lodge_runner *runner, const char *level)
{
	lodge_check(lodge_host_write(PM_TEST, level), "level %s", level);
	expect_progress(runner, "before");
	lodge_check(lodge_host_write(STATE, "mem"), "suspending at level %s",
		    level);
	expect_progress(runner, level);
}

TEST_F(suspend, tasks_frozen)
{
	suspend_at(&self->runner, "freezer");
	ASSERT_EQ(KVM_EXIT_IO, lodge_host_runner_stop(&self->runner));
}

TEST_F_TIMEOUT(suspend, other_cpus_off, 60)
{
	if (root_is_lost())
		SKIP(return, "files over 9p would be lost; set LODGE_SUSPEND=1 to do it all the same");
	suspend_at(&self->runner, "processors");
	ASSERT_EQ(KVM_EXIT_IO, lodge_host_runner_stop(&self->runner));
}

TEST_F_TIMEOUT(suspend, core_off, 60)
{
	if (root_is_lost())
		SKIP(return, "files over 9p would be lost; set LODGE_SUSPEND=1 to do it all the same");
	suspend_at(&self->runner, "core");
	ASSERT_EQ(KVM_EXIT_IO, lodge_host_runner_stop(&self->runner));
	ASSERT_EQ(self->runner.said,
		  *(uint32_t *)(self->guest.vm.mem + LODGE_GUEST_DATA));
}

LODGE_TEST_MAIN
