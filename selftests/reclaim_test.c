// SPDX-License-Identifier: GPL-2.0
/*
 * The host takes guest memory away and gives it back, by every means it has,
 * and the guest always reads what it should.
 */
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "lodge_test.h"

#define PAGE 4096UL
#define GPA 0x1000000UL
#define PAGES 1024UL
#define BYTES (PAGES * PAGE)
#define LARGE (2UL << 20)

FIXTURE(reclaim) {
	struct lodge_guest guest;
	struct lodge_vcpu *vcpu;
	uint64_t *mem;
};

FIXTURE_SETUP(reclaim)
{
	lodge_guest_setup(&self->guest);
	self->vcpu = &self->guest.vcpu;
	self->mem = lodge_vm_add_memory(&self->guest.vm, 1, 0, GPA, BYTES);
}

FIXTURE_TEARDOWN(reclaim)
{
	lodge_guest_teardown(&self->guest);
}

/*
 * Each page holds its number times @arg in its first word. Checks all pages,
 * reports how many were wrong, then rewrites them with the next multiplier.
 */
static LODGE_GUEST_FN void check_and_fill(uint64_t arg)
{
	volatile uint64_t *p = (uint64_t *)GPA;
	uint64_t i, bad, step;

	for (step = arg;; step++) {
		bad = 0;
		for (i = 0; i < PAGES; i++)
			if (p[i * PAGE / 8] != i * step)
				bad++;
		lodge_guest_say(bad);
		for (i = 0; i < PAGES; i++)
			p[i * PAGE / 8] = i * (step + 1);
		lodge_guest_say(-1);
	}
}

static void fill(uint64_t *mem, uint64_t step)
{
	unsigned long i;

	for (i = 0; i < PAGES; i++)
		mem[i * PAGE / 8] = i * step;
}

/* One turn of the guest: how many pages it found wrong. */
static uint32_t turn(struct lodge_vcpu *vcpu)
{
	uint32_t bad = lodge_vcpu_expect_out(vcpu, LODGE_GUEST_PORT);

	lodge_check(lodge_vcpu_expect_out(vcpu, LODGE_GUEST_PORT) == -1U,
		    "the guest is out of step");
	return bad;
}

static unsigned long wrong(uint64_t *mem, uint64_t step)
{
	unsigned long i, bad = 0;

	for (i = 0; i < PAGES; i++)
		if (mem[i * PAGE / 8] != i * step)
			bad++;
	return bad;
}

TEST_F(reclaim, dropped_memory_reads_as_zero)
{
	fill(self->mem, 0);
	lodge_guest_call(self->vcpu, check_and_fill, 0);
	ASSERT_EQ(0, turn(self->vcpu));
	ASSERT_EQ(0, madvise(self->mem, BYTES, MADV_DONTNEED));
	/* All but page 0 should be its number and are zero. */
	ASSERT_EQ(PAGES - 1, turn(self->vcpu));
	ASSERT_EQ(0, turn(self->vcpu));
	ASSERT_EQ(0, wrong(self->mem, 3));
}

TEST_F(reclaim, dropped_memory_under_a_running_guest)
{
	struct lodge_runner runner;
	int i;

	lodge_guest_call(self->vcpu, check_and_fill, 0);
	lodge_host_runner_start(&runner, self->vcpu);
	/* On a busy machine a turn may take longer than all of these. */
	for (i = 0; i < 200 || (runner.exits <= 2 && i < 10000); i++) {
		ASSERT_EQ(0, madvise((char *)self->mem + i % 200 * PAGE,
				     64 * PAGE, MADV_DONTNEED));
		usleep(2000);
	}
	ASSERT_EQ(KVM_EXIT_IO, lodge_host_runner_stop(&runner));
	ASSERT_LT(2, runner.exits);
}

TEST_F(reclaim, hole_in_a_shared_file)
{
	int fd = memfd_create("guest", MFD_CLOEXEC);
	void *map;

	ASSERT_EQ(0, ftruncate(fd, BYTES));
	map = mmap(self->mem, BYTES, PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_FIXED, fd, 0);
	ASSERT_EQ(self->mem, map);
	fill(self->mem, 1);
	lodge_guest_call(self->vcpu, check_and_fill, 1);
	ASSERT_EQ(0, turn(self->vcpu));
	ASSERT_EQ(0, fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			       100 * PAGE, 10 * PAGE));
	ASSERT_EQ(10, turn(self->vcpu));
	ASSERT_EQ(0, turn(self->vcpu));
	ASSERT_EQ(0, ftruncate(fd, 0));
	ASSERT_EQ(-EFAULT, lodge_vcpu_run(self->vcpu));
	ASSERT_EQ(0, ftruncate(fd, BYTES));
}

TEST_F(reclaim, copy_on_write_after_fork)
{
	int status;
	pid_t child;

	fill(self->mem, 1);
	lodge_guest_call(self->vcpu, check_and_fill, 1);
	ASSERT_EQ(0, turn(self->vcpu));
	child = fork();
	if (!child) {
		usleep(300000);
		_exit(wrong(self->mem, 2) != 0);
	}
	ASSERT_EQ(0, turn(self->vcpu));
	ASSERT_EQ(0, turn(self->vcpu));
	ASSERT_EQ(0, wrong(self->mem, 4));
	ASSERT_EQ(child, waitpid(child, &status, 0));
	ASSERT_EQ(0, status);
}

static long huge_kb(void *mem)
{
	char line[256];
	unsigned long start;
	bool inside = false;
	long kb = 0;
	FILE *f = fopen("/proc/self/smaps", "re");

	while (f && fgets(line, sizeof(line), f)) {
		unsigned long end;

		if (sscanf(line, "%lx-%lx", &start, &end) == 2)
			inside = (unsigned long)mem >= start &&
				 (unsigned long)mem < end;
		else if (inside)
			sscanf(line, "AnonHugePages: %ld", &kb);
	}
	if (f)
		fclose(f);
	return kb;
}

TEST_F(reclaim, large_page_is_split_with_its_content)
{
	if (madvise(self->mem, BYTES, MADV_HUGEPAGE))
		SKIP(return, "no transparent huge pages in this kernel");
	fill(self->mem, 1);
	if (!huge_kb(self->mem))
		SKIP(return, "the host gave no huge page; add memory");
	lodge_guest_call(self->vcpu, check_and_fill, 1);
	ASSERT_EQ(0, turn(self->vcpu));
	ASSERT_EQ(0, madvise((char *)self->mem + 100 * PAGE, PAGE,
			     MADV_DONTNEED));
	ASSERT_EQ(1, turn(self->vcpu));
	ASSERT_EQ(0, mprotect((char *)self->mem + 200 * PAGE, PAGE, PROT_READ));
	ASSERT_EQ(0, lodge_vcpu_expect_out(self->vcpu, LODGE_GUEST_PORT));
	ASSERT_EQ(-EFAULT, lodge_vcpu_run(self->vcpu));
	ASSERT_EQ(0, mprotect((char *)self->mem + 200 * PAGE, PAGE,
			      PROT_READ | PROT_WRITE));
	lodge_vcpu_expect_out(self->vcpu, LODGE_GUEST_PORT);
	ASSERT_EQ(0, turn(self->vcpu));
}

TEST_F(reclaim, large_page_is_collapsed_with_its_content)
{
	fill(self->mem, 1);
	lodge_guest_call(self->vcpu, check_and_fill, 1);
	ASSERT_EQ(0, turn(self->vcpu));
	if (madvise(self->mem, LARGE, 25 /* MADV_COLLAPSE */))
		SKIP(return, "the kernel cannot collapse on request");
	ASSERT_EQ(0, turn(self->vcpu));
	ASSERT_EQ(0, turn(self->vcpu));
	ASSERT_EQ(0, wrong(self->mem, 4));
}

static bool merged(void *arg)
{
	return lodge_host_read_long("/sys/kernel/mm/ksm/pages_shared", 0) +
	       lodge_host_read_long("/sys/kernel/mm/ksm/pages_sharing", 0) > 100;
}

TEST_F(reclaim, merged_pages_part_on_write)
{
	if (access("/sys/kernel/mm/ksm/run", W_OK))
		SKIP(return, "no KSM: CONFIG_KSM and root are needed");
	ASSERT_EQ(0, madvise(self->mem, BYTES, MADV_NOHUGEPAGE));
	fill(self->mem, 0);
	lodge_guest_call(self->vcpu, check_and_fill, 0);
	ASSERT_EQ(0, turn(self->vcpu));
	memset(self->mem, 0, BYTES);
	ASSERT_EQ(0, madvise(self->mem, BYTES, MADV_MERGEABLE));
	lodge_host_write("/sys/kernel/mm/ksm/sleep_millisecs", "1");
	lodge_host_write("/sys/kernel/mm/ksm/smart_scan", "0");
	lodge_host_write("/sys/kernel/mm/ksm/pages_to_scan", "5000");
	ASSERT_TRUE(lodge_host_write("/sys/kernel/mm/ksm/run", "1"));
	if (!lodge_host_wait(merged, NULL, 10)) {
		lodge_host_write("/sys/kernel/mm/ksm/run", "0");
		SKIP(return, "KSM merged nothing in ten seconds");
	}
	ASSERT_EQ(PAGES - 1, turn(self->vcpu));
	ASSERT_EQ(0, turn(self->vcpu));
	ASSERT_EQ(0, wrong(self->mem, 3));
	ASSERT_TRUE(lodge_host_write("/sys/kernel/mm/ksm/run", "2"));
	ASSERT_EQ(0, turn(self->vcpu));
}

static long swapped_kb(void)
{
	char line[256];
	long kb = 0;
	FILE *f = fopen("/proc/self/status", "re");

	while (f && fgets(line, sizeof(line), f))
		sscanf(line, "VmSwap: %ld", &kb);
	if (f)
		fclose(f);
	return kb;
}

static const char *swap_on(void)
{
	static bool on;

	if (on)
		return NULL;
	if (system("modprobe zram 2>/dev/null && test -b /dev/zram0"))
		return "no zram module in this kernel";
	if (!lodge_host_write("/sys/block/zram0/disksize", "67108864") ||
	    system("mkswap /dev/zram0 >/dev/null 2>&1"))
		return "zram0 cannot be set up: is mkswap installed?";
	if (swapon("/dev/zram0", 0))
		return "swapon failed";
	on = true;
	return NULL;
}

TEST_F(reclaim, swapped_out_memory_keeps_its_content)
{
	const char *why = swap_on();
	int round;

	if (why)
		SKIP(return, "%s", why);
	fill(self->mem, 1);
	lodge_guest_call(self->vcpu, check_and_fill, 1);
	for (round = 0; round < 4; round++) {
		ASSERT_EQ(0, turn(self->vcpu));
		ASSERT_EQ(0, madvise(self->mem, BYTES, 21 /* MADV_PAGEOUT */));
		ASSERT_LT(1000, swapped_kb());
	}
	ASSERT_EQ(0, turn(self->vcpu));
	ASSERT_EQ(0, wrong(self->mem, 6));
	swapoff("/dev/zram0");
	lodge_host_write("/sys/block/zram0/reset", "1");
}

struct pager {
	int uffd;
	uint64_t *mem;
	volatile unsigned long served;
	volatile int stop;
};

static void *serve(void *arg)
{
	struct pager *pager = arg;
	uint64_t *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct uffd_msg msg;

	while (read(pager->uffd, &msg, sizeof(msg)) == sizeof(msg)) {
		uint64_t addr = msg.arg.pagefault.address & ~(PAGE - 1);
		struct uffdio_copy copy = {
			.dst = addr, .src = (uintptr_t)page, .len = PAGE,
		};

		page[0] = (addr - (uintptr_t)pager->mem) / PAGE;
		if (!ioctl(pager->uffd, UFFDIO_COPY, &copy))
			pager->served++;
	}
	return NULL;
}

TEST_F(reclaim, user_space_supplies_the_pages)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = {
		.range = { (uintptr_t)self->mem, BYTES },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	struct pager pager = { .mem = self->mem };
	pthread_t thread;

	pager.uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (pager.uffd < 0)
		SKIP(return, "no userfaultfd: %s", strerror(errno));
	ASSERT_EQ(0, ioctl(pager.uffd, UFFDIO_API, &api));
	ASSERT_EQ(0, ioctl(pager.uffd, UFFDIO_REGISTER, &reg));
	ASSERT_EQ(0, pthread_create(&thread, NULL, serve, &pager));
	lodge_guest_call(self->vcpu, check_and_fill, 1);
	ASSERT_EQ(0, turn(self->vcpu));
	ASSERT_EQ(PAGES, pager.served);
	ASSERT_EQ(0, madvise(self->mem, BYTES, MADV_DONTNEED));
	/* Supplied with step 1 again, where the guest expects step 2. */
	ASSERT_EQ(PAGES - 1, turn(self->vcpu));
	ASSERT_EQ(2 * PAGES, pager.served);
}

TEST_F(reclaim, the_zero_page_is_replaced_on_write)
{
	uint64_t sum = 0;
	unsigned long i;

	madvise(self->mem, BYTES, MADV_NOHUGEPAGE);
	for (i = 0; i < PAGES; i++)
		sum += ((volatile uint64_t *)self->mem)[i * PAGE / 8];
	ASSERT_EQ(0, sum);
	lodge_guest_call(self->vcpu, check_and_fill, 0);
	ASSERT_EQ(0, turn(self->vcpu));
	ASSERT_EQ(0, turn(self->vcpu));
	ASSERT_EQ(0, wrong(self->mem, 2));
}

LODGE_TEST_MAIN
