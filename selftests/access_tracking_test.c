// SPDX-License-Identifier: GPL-2.0
/*
 * The host can see which guest pages are in use: idle-page tracking asks the
 * ageing notifiers, and the guest's accesses answer.
 */
#include "lodge_test.h"

#define PAGE 4096UL
#define GPA 0x1000000UL
#define PAGES 512UL
#define BITMAP "/sys/kernel/mm/page_idle/bitmap"

FIXTURE(idle) {
	struct lodge_guest guest;
	struct lodge_vcpu *vcpu;
	char *mem;
	int bitmap, pagemap;
	uint64_t pfn[PAGES];
};

FIXTURE_SETUP(idle)
{
	self->bitmap = lodge_dev_open_path(BITMAP, O_RDWR,
					   "Is CONFIG_IDLE_PAGE_TRACKING enabled?");
	self->pagemap = lodge_dev_open_path("/proc/self/pagemap", O_RDONLY,
					    "Is CONFIG_PROC_PAGE_MONITOR enabled?");
	lodge_guest_setup(&self->guest);
	self->vcpu = &self->guest.vcpu;
	self->mem = lodge_vm_add_memory(&self->guest.vm, 1, 0, GPA,
					PAGES * PAGE);
	madvise(self->mem, PAGES * PAGE, MADV_NOHUGEPAGE);
}

FIXTURE_TEARDOWN(idle)
{
	lodge_guest_teardown(&self->guest);
}

static LODGE_GUEST_FN void touch_every(uint64_t arg)
{
	volatile uint64_t *p = (uint64_t *)GPA;
	uint64_t i, step = 1;

	for (;; step = arg) {
		for (i = 0; i < PAGES; i += step)
			(void)p[i * PAGE / 8];
		lodge_guest_say(1);
	}
}

static uint64_t frame(int pagemap, void *page)
{
	uint64_t entry = 0;

	lodge_check(pread(pagemap, &entry, 8, (uintptr_t)page / PAGE * 8) == 8,
		    "pagemap");
	if (!(entry & ((1ULL << 55) - 1)))
		lodge_host_skip("page frame numbers are hidden: root required");
	return entry & ((1ULL << 55) - 1);
}

static void mark_idle(int bitmap, uint64_t pfn)
{
	uint64_t word = 1ULL << pfn % 64;

	lodge_check(pwrite(bitmap, &word, 8, pfn / 64 * 8) == 8, "marking");
}

static bool is_idle(int bitmap, uint64_t pfn)
{
	uint64_t word = 0;

	lodge_check(pread(bitmap, &word, 8, pfn / 64 * 8) == 8, "reading");
	return word >> pfn % 64 & 1;
}

TEST_F(idle, pages_the_guest_touches_are_not_idle)
{
	unsigned long i, touched = 0, untouched = 0;

	memset(self->mem, 1, PAGES * PAGE);
	lodge_guest_call(self->vcpu, touch_every, 4);
	lodge_vcpu_expect_out(self->vcpu, LODGE_GUEST_PORT);
	for (i = 0; i < PAGES; i++)
		self->pfn[i] = frame(self->pagemap, self->mem + i * PAGE);
	for (i = 0; i < PAGES; i++)
		mark_idle(self->bitmap, self->pfn[i]);
	lodge_vcpu_expect_out(self->vcpu, LODGE_GUEST_PORT);
	for (i = 0; i < PAGES; i++) {
		bool idle = is_idle(self->bitmap, self->pfn[i]);

		if (i % 4 == 0)
			touched += !idle;
		else
			untouched += idle;
	}
	/* A few pages are not on the lists that the tracker walks. */
	ASSERT_LE(PAGES / 4 - 8, touched);
	ASSERT_LE(PAGES * 3 / 4 - 24, untouched);
}

LODGE_TEST_MAIN
