// SPDX-License-Identifier: GPL-2.0
/*
 * The dirty log: exactly the pages written since the last call are in it,
 * whoever wrote them and however they are mapped.
 */
#include "lodge_test.h"

#define PAGE 4096UL
#define GPA 0x1000000UL
#define PAGES 1024UL		/* 4 MiB: two large pages */
#define WORDS (PAGES / 64)

FIXTURE(dirty) {
	struct lodge_guest guest;
	struct lodge_vcpu *vcpu;
	unsigned char *mem;
	uint64_t bits[WORDS + 1];
};

FIXTURE_SETUP(dirty)
{
	lodge_guest_setup(&self->guest);
	self->vcpu = &self->guest.vcpu;
	self->mem = lodge_vm_add_memory(&self->guest.vm, 1,
					KVM_MEM_LOG_DIRTY_PAGES, GPA,
					PAGES * PAGE);
}

FIXTURE_TEARDOWN(dirty)
{
	lodge_guest_teardown(&self->guest);
}

static int get_log(struct lodge_vm *vm, uint32_t slot, uint64_t *bits)
{
	struct kvm_dirty_log log = { .slot = slot, .dirty_bitmap = bits };

	return lodge_vm_ioctl(vm->fd, KVM_GET_DIRTY_LOG, &log);
}

static unsigned int count(const uint64_t *bits)
{
	unsigned int i, n = 0;

	for (i = 0; i < WORDS; i++)
		n += __builtin_popcountll(bits[i]);
	return n;
}

static bool has(const uint64_t *bits, unsigned int page)
{
	return bits[page / 64] >> (page % 64) & 1;
}

/* Writes one word into every @arg-th page, then reports. */
static LODGE_GUEST_FN void write_every(uint64_t arg)
{
	volatile uint64_t *p = (uint64_t *)GPA;
	uint64_t i;

	for (;;) {
		for (i = 0; i < PAGES; i += arg)
			p[i * PAGE / 8]++;
		lodge_guest_say(1);
	}
}

static LODGE_GUEST_FN void read_all(uint64_t arg)
{
	volatile uint64_t *p = (uint64_t *)GPA;
	uint64_t i, sum = 0;

	for (i = 0; i < PAGES; i++)
		sum += p[i * PAGE / 8];
	lodge_guest_say(sum);
}

TEST_F(dirty, bits_are_exactly_the_pages_written)
{
	unsigned int i;

	lodge_guest_call(self->vcpu, write_every, 37);
	lodge_vcpu_expect_out(self->vcpu, LODGE_GUEST_PORT);
	ASSERT_EQ(0, get_log(&self->guest.vm, 1, self->bits));
	for (i = 0; i < PAGES; i++) {
		ASSERT_EQ(i % 37 == 0, has(self->bits, i)) TH_LOG("page %u", i);
	}
	ASSERT_EQ(0, get_log(&self->guest.vm, 1, self->bits));
	ASSERT_EQ(0, count(self->bits));
}

TEST_F(dirty, writes_after_the_call_are_seen_again)
{
	int round;

	lodge_guest_call(self->vcpu, write_every, 100);
	for (round = 0; round < 5; round++) {
		lodge_vcpu_expect_out(self->vcpu, LODGE_GUEST_PORT);
		ASSERT_EQ(0, get_log(&self->guest.vm, 1, self->bits));
		ASSERT_EQ(11, count(self->bits));
		ASSERT_EQ(1, has(self->bits, 1000));
	}
	ASSERT_EQ(5, *(uint64_t *)(self->mem + 1000 * PAGE));
}

TEST_F(dirty, reading_is_not_writing)
{
	lodge_guest_call(self->vcpu, read_all, 0);
	lodge_vcpu_expect_out(self->vcpu, LODGE_GUEST_PORT);
	ASSERT_EQ(0, get_log(&self->guest.vm, 1, self->bits));
	ASSERT_EQ(0, count(self->bits));
}

TEST_F(dirty, the_last_word_ends_at_the_slot)
{
	uint64_t bits[3] = { 0, 0, 0x1234 };

	lodge_vm_add_memory(&self->guest.vm, 2, KVM_MEM_LOG_DIRTY_PAGES,
			    0x4000000, 65 * PAGE);
	ASSERT_EQ(0, get_log(&self->guest.vm, 2, bits));
	ASSERT_EQ(0x1234, bits[2]);
}

TEST_F(dirty, large_host_pages_are_logged_in_small_ones)
{
	madvise(self->mem, PAGES * PAGE, MADV_HUGEPAGE);
	memset(self->mem, 0, PAGES * PAGE);
	/* Once without the log, so that large mappings come to exist. */
	ASSERT_EQ(0, lodge_vm_set_region(&self->guest.vm, 1, 0, GPA,
					 PAGES * PAGE, self->mem));
	lodge_guest_call(self->vcpu, write_every, 1);
	lodge_vcpu_expect_out(self->vcpu, LODGE_GUEST_PORT);
	ASSERT_EQ(0, lodge_vm_set_region(&self->guest.vm, 1,
					 KVM_MEM_LOG_DIRTY_PAGES, GPA,
					 PAGES * PAGE, self->mem));
	lodge_guest_call(self->vcpu, write_every, 300);
	lodge_vcpu_expect_out(self->vcpu, LODGE_GUEST_PORT);
	ASSERT_EQ(0, get_log(&self->guest.vm, 1, self->bits));
	ASSERT_EQ(4, count(self->bits));
	ASSERT_EQ(1, has(self->bits, 0));
	ASSERT_EQ(1, has(self->bits, 300));
	ASSERT_EQ(1, has(self->bits, 600));
	ASSERT_EQ(1, has(self->bits, 900));
	ASSERT_EQ(2, *(uint64_t *)(self->mem + 900 * PAGE));
	/* And back to large ones. */
	ASSERT_EQ(0, lodge_vm_set_region(&self->guest.vm, 1, 0, GPA,
					 PAGES * PAGE, self->mem));
	lodge_vcpu_expect_out(self->vcpu, LODGE_GUEST_PORT);
	ASSERT_EQ(3, *(uint64_t *)(self->mem + 900 * PAGE));
}

TEST_F(dirty, logging_off_forgets)
{
	lodge_guest_call(self->vcpu, write_every, 50);
	lodge_vcpu_expect_out(self->vcpu, LODGE_GUEST_PORT);
	ASSERT_EQ(0, lodge_vm_set_region(&self->guest.vm, 1, 0, GPA,
					 PAGES * PAGE, self->mem));
	ASSERT_EQ(-ENOENT, get_log(&self->guest.vm, 1, self->bits));
	ASSERT_EQ(0, lodge_vm_set_region(&self->guest.vm, 1,
					 KVM_MEM_LOG_DIRTY_PAGES, GPA,
					 PAGES * PAGE, self->mem));
	ASSERT_EQ(0, get_log(&self->guest.vm, 1, self->bits));
	ASSERT_EQ(0, count(self->bits));
}

TEST_F(dirty, a_moved_slot_keeps_logging)
{
	ASSERT_EQ(0, lodge_vm_set_region(&self->guest.vm, 1,
					 KVM_MEM_LOG_DIRTY_PAGES,
					 GPA + PAGES * PAGE, PAGES * PAGE,
					 self->mem));
	ASSERT_EQ(0, lodge_vm_set_region(&self->guest.vm, 1,
					 KVM_MEM_LOG_DIRTY_PAGES, GPA,
					 PAGES * PAGE, self->mem));
	lodge_guest_call(self->vcpu, write_every, 512);
	lodge_vcpu_expect_out(self->vcpu, LODGE_GUEST_PORT);
	ASSERT_EQ(0, get_log(&self->guest.vm, 1, self->bits));
	ASSERT_EQ(2, count(self->bits));
}

LODGE_GUEST64(emulated_writes,
	"cld\n"
	"mov $0x510, %edx\n"
	"mov $0x1005ffe, %edi\n"
	"mov $4, %ecx\n"
	"rep insb\n"
	"mov $0x80000000, %esi\n"
	"mov $0x1009000, %edi\n"
	"movsl\n"
	"hlt\n");

TEST_F(dirty, writes_by_software_are_logged)
{
	int ret;

	lodge_guest_start(&self->guest, 64, emulated_writes);
	do {
		ret = lodge_vcpu_run(self->vcpu);
	} while (ret == KVM_EXIT_IO || ret == KVM_EXIT_MMIO);
	ASSERT_EQ(KVM_EXIT_HLT, ret);
	ASSERT_EQ(0, get_log(&self->guest.vm, 1, self->bits));
	ASSERT_EQ(1, has(self->bits, 5));
	ASSERT_EQ(1, has(self->bits, 6));
	ASSERT_EQ(1, has(self->bits, 9));
	ASSERT_EQ(3, count(self->bits));
}

LODGE_GUEST64(walk, "mov $0x40000000, %eax\n mov (%rax), %eax\n hlt\n");

TEST_F(dirty, accessed_bits_set_by_the_processor_are_logged)
{
	uint64_t *pt = (uint64_t *)(self->mem + 20 * PAGE);

	pt[0] = 0x40000 | 3;
	lodge_guest_map(&self->guest.vm, 0x40000000, (GPA + 20 * PAGE) | 3);
	lodge_guest_start(&self->guest, 64, walk);
	lodge_vcpu_expect(self->vcpu, KVM_EXIT_HLT);
	ASSERT_NE(0, pt[0] & 0x20);
	ASSERT_EQ(0, get_log(&self->guest.vm, 1, self->bits));
	ASSERT_EQ(1, has(self->bits, 20));
	ASSERT_EQ(1, count(self->bits));
}

static LODGE_GUEST_FN void random_writes(uint64_t seed)
{
	volatile uint64_t *p = (uint64_t *)GPA;
	uint64_t i;

	for (i = 1;; i++) {
		seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
		p[(seed >> 33) % PAGES * PAGE / 8 + (seed >> 20 & 0x1ff)] = seed;
		if (i % 128 == 0)
			lodge_guest_say(i);
	}
}

/* What a migration does: a copy kept up with the log must end up equal. */
TEST_F(dirty, a_copy_that_follows_the_log_is_complete)
{
	struct lodge_runner runner[2];
	struct lodge_vcpu second;
	unsigned char *copy = malloc(PAGES * PAGE);
	double end = lodge_host_now() + 2;
	unsigned int i;
	bool last = false;

	memcpy(copy, self->mem, PAGES * PAGE);
	lodge_vcpu_create(&self->guest.vm, &second, 1);
	lodge_guest_call(self->vcpu, random_writes, 1);
	lodge_guest_call(&second, random_writes, 77777);
	lodge_host_runner_start(&runner[0], self->vcpu);
	lodge_host_runner_start(&runner[1], &second);
	for (;;) {
		ASSERT_EQ(0, get_log(&self->guest.vm, 1, self->bits));
		for (i = 0; i < PAGES; i++) {
			if (has(self->bits, i))
				memcpy(copy + i * PAGE, self->mem + i * PAGE,
				       PAGE);
		}
		if (last)
			break;
		/* A loaded machine may need longer for the first rounds. */
		if (lodge_host_now() > end + (runner[0].exits + runner[1].exits ? 0 : 30)) {
			lodge_host_runner_stop(&runner[0]);
			lodge_host_runner_stop(&runner[1]);
			last = true;
		}
		usleep(20000);
	}
	ASSERT_LT(0, runner[0].exits + runner[1].exits);
	ASSERT_EQ(0, memcmp(copy, self->mem, PAGES * PAGE));
}

TEST_F(dirty, refusals)
{
	ASSERT_EQ(-ENOENT, get_log(&self->guest.vm, 0, self->bits));
	ASSERT_EQ(-ENOENT, get_log(&self->guest.vm, 5, self->bits));
	ASSERT_EQ(-EINVAL, get_log(&self->guest.vm, 0x7fff, self->bits));
	ASSERT_EQ(-EINVAL, get_log(&self->guest.vm, 5 << 16, self->bits));
	ASSERT_EQ(-EFAULT, get_log(&self->guest.vm, 1, (void *)8));
}

TEST_F(dirty, a_failed_copy_does_not_lose_bits)
{
	lodge_guest_call(self->vcpu, write_every, 512);
	lodge_vcpu_expect_out(self->vcpu, LODGE_GUEST_PORT);
	ASSERT_EQ(-EFAULT, get_log(&self->guest.vm, 1, (void *)8));
	lodge_vcpu_expect_out(self->vcpu, LODGE_GUEST_PORT);
	ASSERT_EQ(0, get_log(&self->guest.vm, 1, self->bits));
	ASSERT_EQ(2, *(uint64_t *)self->mem);
}

static int clear_log(struct lodge_vm *vm, uint64_t first, uint32_t pages,
		     uint64_t *bits)
{
	struct kvm_clear_dirty_log clear = {
		.slot = 1, .first_page = first, .num_pages = pages,
		.dirty_bitmap = bits,
	};

	return lodge_vm_ioctl(vm->fd, KVM_CLEAR_DIRTY_LOG, &clear);
}

static void manual(struct lodge_vm *vm, uint64_t mode)
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, .args[0] = mode,
	};

	lodge_dev_require_ext(KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2,
			      "KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2");
	lodge_check(!ioctl(vm->fd, KVM_ENABLE_CAP, &cap), "KVM_ENABLE_CAP");
}

TEST_F(dirty, manual_clearing_clears_what_it_is_told)
{
	uint64_t one[WORDS] = { 0 };

	manual(&self->guest.vm, KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE);
	lodge_guest_call(self->vcpu, write_every, 64);
	lodge_vcpu_expect_out(self->vcpu, LODGE_GUEST_PORT);
	ASSERT_EQ(0, get_log(&self->guest.vm, 1, self->bits));
	ASSERT_EQ(16, count(self->bits));
	ASSERT_EQ(0, get_log(&self->guest.vm, 1, self->bits));
	ASSERT_EQ(16, count(self->bits));
	one[0] = 1;
	ASSERT_EQ(0, clear_log(&self->guest.vm, 128, 64, one));
	ASSERT_EQ(0, get_log(&self->guest.vm, 1, self->bits));
	ASSERT_EQ(15, count(self->bits));
	ASSERT_EQ(0, has(self->bits, 128));
	lodge_vcpu_expect_out(self->vcpu, LODGE_GUEST_PORT);
	ASSERT_EQ(0, get_log(&self->guest.vm, 1, self->bits));
	ASSERT_EQ(16, count(self->bits));
	ASSERT_EQ(-EINVAL, clear_log(&self->guest.vm, 1, 64, one));
	ASSERT_EQ(-EINVAL, clear_log(&self->guest.vm, 0, 63, one));
	ASSERT_EQ(-EINVAL, clear_log(&self->guest.vm, PAGES, 64, one));
	ASSERT_EQ(-EFAULT, clear_log(&self->guest.vm, 0, 64, (void *)8));
}

TEST_F(dirty, initially_set_starts_with_ones)
{
	manual(&self->guest.vm, KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE |
	       KVM_DIRTY_LOG_INITIALLY_SET);
	ASSERT_EQ(0, lodge_vm_set_region(&self->guest.vm, 1, 0, GPA,
					 PAGES * PAGE, self->mem));
	ASSERT_EQ(0, lodge_vm_set_region(&self->guest.vm, 1,
					 KVM_MEM_LOG_DIRTY_PAGES, GPA,
					 PAGES * PAGE, self->mem));
	ASSERT_EQ(0, get_log(&self->guest.vm, 1, self->bits));
	ASSERT_EQ(PAGES, count(self->bits));
	ASSERT_EQ(0, clear_log(&self->guest.vm, 0, PAGES, self->bits));
	lodge_guest_call(self->vcpu, write_every, 256);
	lodge_vcpu_expect_out(self->vcpu, LODGE_GUEST_PORT);
	ASSERT_EQ(0, get_log(&self->guest.vm, 1, self->bits));
	ASSERT_EQ(4, count(self->bits));
}

LODGE_TEST_MAIN
