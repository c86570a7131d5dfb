// SPDX-License-Identifier: GPL-2.0
/*
 * Memory slots: what KVM_SET_USER_MEMORY_REGION takes and refuses, and what
 * the guest then sees.
 */
#include <sys/syscall.h>

#include "lodge_test.h"

#define PAGE 4096UL
#define GPA 0x1000000UL		/* clear of slot 0 */

FIXTURE(slots) {
	struct lodge_vm vm;
	char *area;
};

FIXTURE_SETUP(slots)
{
	lodge_vm_create(&self->vm);
	self->area = mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->area);
}

FIXTURE_TEARDOWN(slots)
{
	lodge_vm_destroy(&self->vm);
}

#define SET(slot, flags, gpa, size, hva) \
	lodge_vm_set_region(&self->vm, slot, flags, gpa, size, hva)

TEST_F(slots, create_and_delete)
{
	ASSERT_EQ(0, SET(0, 0, GPA, 4 * PAGE, self->area));
	ASSERT_EQ(0, SET(0, 0, GPA, 0, self->area));
	ASSERT_EQ(-EINVAL, SET(0, 0, GPA, 0, self->area));
	ASSERT_EQ(0, SET(0, 0, GPA, 4 * PAGE, self->area));
}

TEST_F(slots, delete_ignores_address_and_flags)
{
	ASSERT_EQ(0, SET(3, 0, GPA, 4 * PAGE, self->area));
	ASSERT_EQ(0, SET(3, KVM_MEM_LOG_DIRTY_PAGES, 0x5000, 0, NULL));
	ASSERT_EQ(0, SET(3, 0, GPA, 4 * PAGE, self->area));
}

TEST_F(slots, same_again_is_accepted)
{
	ASSERT_EQ(0, SET(1, 0, GPA, 4 * PAGE, self->area));
	ASSERT_EQ(0, SET(1, 0, GPA, 4 * PAGE, self->area));
}

TEST_F(slots, alignment_is_checked)
{
	ASSERT_EQ(-EINVAL, SET(0, 0, GPA + 1, PAGE, self->area));
	ASSERT_EQ(-EINVAL, SET(0, 0, GPA, PAGE + 1, self->area));
	ASSERT_EQ(-EINVAL, SET(0, 0, GPA, 1, self->area));
	ASSERT_EQ(-EINVAL, SET(0, 0, GPA, PAGE, self->area + 8));
	ASSERT_EQ(-EINVAL, SET(0, 0, GPA + PAGE / 2, PAGE, self->area));
}

TEST_F(slots, flags_are_checked)
{
	int bit;

	for (bit = 2; bit < 32; bit++) {
		ASSERT_EQ(-EINVAL, SET(0, 1U << bit, GPA, PAGE, self->area));
	}
	ASSERT_EQ(0, SET(0, KVM_MEM_READONLY | KVM_MEM_LOG_DIRTY_PAGES, GPA,
			 PAGE, self->area));
}

TEST_F(slots, ranges_are_checked)
{
	ASSERT_EQ(-EINVAL, SET(0, 0, -PAGE, 2 * PAGE, self->area));
	ASSERT_EQ(-EINVAL, SET(0, 0, GPA, -PAGE, self->area));
	ASSERT_EQ(-EINVAL, SET(0, 0, GPA, PAGE, (void *)-PAGE));
	ASSERT_EQ(-EINVAL, SET(0, 0, GPA, PAGE, (void *)(1UL << 63)));
}

TEST_F(slots, number_is_checked)
{
	int max = lodge_vm_check(&self->vm, KVM_CAP_NR_MEMSLOTS);
	int spaces = lodge_vm_check(&self->vm, KVM_CAP_MULTI_ADDRESS_SPACE);

	ASSERT_LE(32, max);
	ASSERT_EQ(-EINVAL, SET(0xffff, 0, GPA, PAGE, self->area));
	ASSERT_EQ(0, SET(max - 1, 0, GPA, PAGE, self->area));
	if (spaces < 1)
		spaces = 1;
	ASSERT_EQ(-EINVAL, SET(spaces << 16, 0, GPA, PAGE, self->area));
	ASSERT_EQ(-EINVAL, SET(0x80000000, 0, GPA, PAGE, self->area));
}

TEST_F(slots, overlap_is_refused)
{
	ASSERT_EQ(0, SET(0, 0, GPA + 4 * PAGE, 4 * PAGE, self->area));
	ASSERT_EQ(-EEXIST, SET(1, 0, GPA + 4 * PAGE, 4 * PAGE, self->area));
	ASSERT_EQ(-EEXIST, SET(1, 0, GPA + 3 * PAGE, 2 * PAGE, self->area));
	ASSERT_EQ(-EEXIST, SET(1, 0, GPA + 7 * PAGE, 2 * PAGE, self->area));
	ASSERT_EQ(-EEXIST, SET(1, 0, GPA, 16 * PAGE, self->area));
	ASSERT_EQ(-EEXIST, SET(1, 0, GPA + 5 * PAGE, PAGE, self->area));
	ASSERT_EQ(0, SET(1, 0, GPA + 3 * PAGE, PAGE, self->area));
	ASSERT_EQ(0, SET(2, 0, GPA + 8 * PAGE, PAGE, self->area));
}

TEST_F(slots, refusal_changes_nothing)
{
	ASSERT_EQ(0, SET(0, 0, GPA, 4 * PAGE, self->area));
	ASSERT_EQ(0, SET(1, 0, GPA + 8 * PAGE, 4 * PAGE, self->area));
	ASSERT_EQ(-EEXIST, SET(1, 0, GPA + PAGE, 4 * PAGE, self->area));
	ASSERT_EQ(-EEXIST, SET(2, 0, GPA + 11 * PAGE, PAGE, self->area));
	ASSERT_EQ(0, SET(2, 0, GPA + 7 * PAGE, PAGE, self->area));
}

TEST_F(slots, size_and_memory_of_a_live_slot_are_fixed)
{
	ASSERT_EQ(0, SET(0, 0, GPA, 4 * PAGE, self->area));
	ASSERT_EQ(-EINVAL, SET(0, 0, GPA, 5 * PAGE, self->area));
	ASSERT_EQ(-EINVAL, SET(0, 0, GPA, 3 * PAGE, self->area));
	ASSERT_EQ(-EINVAL, SET(0, 0, GPA, 4 * PAGE, self->area + PAGE));
	ASSERT_EQ(-EINVAL, SET(0, KVM_MEM_READONLY, GPA, 4 * PAGE, self->area));
	ASSERT_EQ(0, SET(0, KVM_MEM_LOG_DIRTY_PAGES, GPA, 4 * PAGE,
			 self->area));
	ASSERT_EQ(0, SET(0, 0, GPA, 4 * PAGE, self->area));
}

TEST_F(slots, move_keeps_the_memory)
{
	ASSERT_EQ(0, SET(0, 0, GPA, 4 * PAGE, self->area));
	ASSERT_EQ(0, SET(0, 0, GPA + PAGE, 4 * PAGE, self->area));
	ASSERT_EQ(0, SET(1, 0, GPA, PAGE, self->area));
	ASSERT_EQ(-EEXIST, SET(0, 0, GPA, 4 * PAGE, self->area));
}

/* CVE-2020-36313: look-ups after deletion in every order, slot at 0 included. */
TEST_F(slots, create_and_delete_in_every_order)
{
	static const int order[6][3] = {
		{ 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
		{ 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 },
	};
	int i, j, k;

	for (i = 0; i < 6; i++)
		for (j = 0; j < 6; j++) {
			for (k = 0; k < 3; k++) {
				ASSERT_EQ(0, SET(order[i][k], 0,
						 order[i][k] * 4 * PAGE,
						 4 * PAGE, self->area));
			}
			for (k = 0; k < 3; k++) {
				ASSERT_EQ(-EEXIST, SET(7, 0,
						       order[j][k] * 4 * PAGE,
						       PAGE, self->area));
				ASSERT_EQ(0, SET(order[j][k], 0, 0, 0, NULL));
				ASSERT_EQ(0, SET(7, 0,
						 order[j][k] * 4 * PAGE, PAGE,
						 self->area));
				ASSERT_EQ(0, SET(7, 0, 0, 0, NULL));
			}
		}
}

TEST_F(slots, memory_need_not_exist_yet)
{
	void *hole = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);

	munmap(hole, PAGE);
	ASSERT_EQ(0, SET(0, 0, GPA, PAGE, hole));
}

TEST_F(slots, many)
{
	int i;

	for (i = 0; i < 1000; i++) {
		ASSERT_EQ(0, SET(i, 0, GPA + ((i * 617) % 1000) * PAGE, PAGE,
				 self->area));
	}
	for (i = 0; i < 1000; i++) {
		ASSERT_EQ(-EEXIST, SET(1000, 0, GPA + i * PAGE, PAGE,
				       self->area));
	}
	for (i = 999; i >= 0; i--) {
		ASSERT_EQ(0, SET(i, 0, 0, 0, NULL));
	}
	ASSERT_EQ(0, SET(0, 0, GPA, 64 * PAGE, self->area));
}

LODGE_GUEST_FIXTURE(guest_slots);

LODGE_GUEST64(read_loop,
	"mov $0x1000000, %edi\n"
	"1: mov (%rdi), %eax\n"
	"out %eax, $0xe9\n"
	"jmp 1b\n");
LODGE_GUEST64(write_loop,
	"mov $0x1000000, %edi\n"
	"xor %eax, %eax\n"
	"1: inc %eax\n"
	"mov %eax, (%rdi)\n"
	"out %eax, $0xe9\n"
	"jmp 1b\n");

static uint32_t *give(struct lodge_guest *guest, uint32_t slot, uint32_t flags,
		      uint64_t gpa, uint32_t mark)
{
	uint32_t *mem = lodge_vm_add_memory(&guest->vm, slot, flags, gpa,
					    4 * PAGE);

	*mem = mark;
	return mem;
}

TEST_F(guest_slots, deleted_memory_is_gone)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;

	give(&self->guest, 1, 0, GPA, 0x1111);
	lodge_guest_start(&self->guest, 64, read_loop);
	ASSERT_EQ(0x1111, lodge_vcpu_expect_out(vcpu, LODGE_GUEST_PORT));
	ASSERT_EQ(0, lodge_vm_set_region(&self->guest.vm, 1, 0, 0, 0, NULL));
	lodge_vcpu_expect(vcpu, KVM_EXIT_MMIO);
	ASSERT_EQ(GPA, vcpu->run->mmio.phys_addr);
}

TEST_F(guest_slots, new_memory_shows_at_once)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;

	lodge_guest_start(&self->guest, 64, read_loop);
	lodge_vcpu_expect(vcpu, KVM_EXIT_MMIO);
	memset(vcpu->run->mmio.data, 0, 8);
	ASSERT_EQ(0, lodge_vcpu_expect_out(vcpu, LODGE_GUEST_PORT));
	give(&self->guest, 1, 0, GPA, 0x2222);
	ASSERT_EQ(0x2222, lodge_vcpu_expect_out(vcpu, LODGE_GUEST_PORT));
}

/* CVE-2013-4592: after a move nothing may be left at the old address. */
TEST_F(guest_slots, moved_memory_leaves_the_old_address)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;
	uint32_t *mem = give(&self->guest, 1, 0, GPA, 0x3333);

	lodge_guest_start(&self->guest, 64, read_loop);
	ASSERT_EQ(0x3333, lodge_vcpu_expect_out(vcpu, LODGE_GUEST_PORT));
	ASSERT_EQ(0, lodge_vm_set_region(&self->guest.vm, 1, 0, GPA + 16 * PAGE,
					 4 * PAGE, mem));
	lodge_vcpu_expect(vcpu, KVM_EXIT_MMIO);
	ASSERT_EQ(0, lodge_vm_set_region(&self->guest.vm, 1, 0, GPA - PAGE,
					 4 * PAGE, mem));
	mem[1024] = 0x4444;
	memset(vcpu->run->mmio.data, 0, 8);
	ASSERT_EQ(0, lodge_vcpu_expect_out(vcpu, LODGE_GUEST_PORT));
	ASSERT_EQ(0x4444, lodge_vcpu_expect_out(vcpu, LODGE_GUEST_PORT));
}

TEST_F(guest_slots, replaced_memory_shows_the_new_content)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;

	give(&self->guest, 1, 0, GPA, 0x5555);
	lodge_guest_start(&self->guest, 64, read_loop);
	ASSERT_EQ(0x5555, lodge_vcpu_expect_out(vcpu, LODGE_GUEST_PORT));
	ASSERT_EQ(0, lodge_vm_set_region(&self->guest.vm, 1, 0, 0, 0, NULL));
	give(&self->guest, 2, 0, GPA, 0x6666);
	ASSERT_EQ(0x6666, lodge_vcpu_expect_out(vcpu, LODGE_GUEST_PORT));
}

TEST_F(guest_slots, read_only_reads_directly_and_writes_exit)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;
	uint32_t *mem = give(&self->guest, 1, KVM_MEM_READONLY, GPA, 0x7777);

	lodge_guest_start(&self->guest, 64, read_loop);
	ASSERT_EQ(0x7777, lodge_vcpu_expect_out(vcpu, LODGE_GUEST_PORT));
	lodge_guest_start(&self->guest, 64, write_loop);
	lodge_vcpu_expect(vcpu, KVM_EXIT_MMIO);
	ASSERT_EQ(1, vcpu->run->mmio.is_write);
	ASSERT_EQ(GPA, vcpu->run->mmio.phys_addr);
	ASSERT_EQ(4, vcpu->run->mmio.len);
	ASSERT_EQ(1, *(uint32_t *)vcpu->run->mmio.data);
	ASSERT_EQ(1, lodge_vcpu_expect_out(vcpu, LODGE_GUEST_PORT));
	ASSERT_EQ(0x7777, *mem);
}

LODGE_GUEST64(run_rom, "mov $0x1000000, %eax\n jmp *%rax\n");
LODGE_GUEST64(rom, "mov $0x4321, %eax\n out %eax, $0xe9\n hlt\n");

TEST_F(guest_slots, read_only_memory_runs_code)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;

	memcpy(give(&self->guest, 1, KVM_MEM_READONLY, GPA, 0), rom,
	       rom_end - rom);
	lodge_guest_start(&self->guest, 64, run_rom);
	ASSERT_EQ(0x4321, lodge_vcpu_expect_out(vcpu, LODGE_GUEST_PORT));
}

TEST_F(guest_slots, host_protection_is_kept)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;
	uint32_t *mem = give(&self->guest, 1, 0, GPA, 0x8888);

	ASSERT_EQ(0, mprotect(mem, 4 * PAGE, PROT_READ));
	lodge_guest_start(&self->guest, 64, read_loop);
	ASSERT_EQ(0x8888, lodge_vcpu_expect_out(vcpu, LODGE_GUEST_PORT));
	lodge_guest_start(&self->guest, 64, write_loop);
	ASSERT_EQ(-EFAULT, lodge_vcpu_run(vcpu));
	ASSERT_EQ(0, mprotect(mem, 4 * PAGE, PROT_READ | PROT_WRITE));
	ASSERT_EQ(1, lodge_vcpu_expect_out(vcpu, LODGE_GUEST_PORT));
	ASSERT_EQ(1, *mem);
}

TEST_F(guest_slots, unmapped_host_memory_is_efault)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;
	uint32_t *mem = give(&self->guest, 1, 0, GPA, 0x9999);

	lodge_guest_start(&self->guest, 64, read_loop);
	ASSERT_EQ(0x9999, lodge_vcpu_expect_out(vcpu, LODGE_GUEST_PORT));
	ASSERT_EQ(0, munmap(mem, 4 * PAGE));
	ASSERT_EQ(-EFAULT, lodge_vcpu_run(vcpu));
	ASSERT_EQ(mem, mmap(mem, PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	*mem = 0xaaaa;
	ASSERT_EQ(0xaaaa, lodge_vcpu_expect_out(vcpu, LODGE_GUEST_PORT));
}

TEST_F(guest_slots, two_slots_may_show_the_same_memory)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;
	uint32_t *mem = give(&self->guest, 1, 0, GPA + 16 * PAGE, 0xbbbb);

	ASSERT_EQ(0, lodge_vm_set_region(&self->guest.vm, 2, 0, GPA, PAGE,
					 mem));
	lodge_guest_start(&self->guest, 64, read_loop);
	ASSERT_EQ(0xbbbb, lodge_vcpu_expect_out(vcpu, LODGE_GUEST_PORT));
}

/* memfd_secret: mapped and touched by the VMM, but the kernel may not have it. */
TEST_F(guest_slots, memory_kept_from_the_kernel_is_efault)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;
	int fd = syscall(SYS_memfd_secret, 0);
	uint32_t *mem;

	if (fd < 0)
		SKIP(return, "memfd_secret: %s", strerror(errno));
	ASSERT_EQ(0, ftruncate(fd, PAGE));
	mem = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, mem);
	*mem = 0xcccc;
	ASSERT_EQ(0, lodge_vm_set_region(&self->guest.vm, 1, 0, GPA, PAGE,
					 mem));
	lodge_guest_start(&self->guest, 64, read_loop);
	ASSERT_EQ(-EFAULT, lodge_vcpu_run(vcpu));
	close(fd);
}

LODGE_GUEST64(far_loop,
	"mov $0x40000000, %edi\n"
	"1: incl (%rdi)\n"
	"mov (%rdi), %eax\n"
	"out %eax, $0xe9\n"
	"jmp 1b\n");

/* The highest address that clears the hole below 1 TiB on AMD processors. */
TEST_F(guest_slots, memory_near_the_top_of_the_address_space)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;
	const uint64_t gpa = 0xfcbfe00000;
	uint32_t *mem = lodge_vm_add_memory(&self->guest.vm, 1, 0, gpa,
					    2 << 20);

	lodge_guest_map(&self->guest.vm, 0x40000000, gpa | 0x83);
	lodge_guest_start(&self->guest, 64, far_loop);
	ASSERT_EQ(1, lodge_vcpu_expect_out(vcpu, LODGE_GUEST_PORT));
	ASSERT_EQ(2, lodge_vcpu_expect_out(vcpu, LODGE_GUEST_PORT));
	ASSERT_EQ(2, *mem);
}

TEST_F(guest_slots, no_memory_at_all)
{
	struct lodge_vm vm;
	struct lodge_vcpu vcpu;

	lodge_vm_create(&vm);
	lodge_vcpu_create(&vm, &vcpu, 0);
	ASSERT_EQ(KVM_EXIT_INTERNAL_ERROR, lodge_vcpu_run(&vcpu));
	ASSERT_EQ(KVM_INTERNAL_ERROR_EMULATION, vcpu.run->internal.suberror);
}

LODGE_TEST_MAIN
