// SPDX-License-Identifier: GPL-2.0
/*
 * The processor's own accesses to the guest's page tables: tables in
 * read-only, missing and shared memory must neither spin nor lose bits.
 */
#include <signal.h>
#include <sys/time.h>

#include "lodge_test.h"

#define PAGE 4096UL
#define TABLE 0x1000000UL
#define GVA 0x40000000UL
#define ACCESSED 0x20
#define DIRTY 0x40

FIXTURE(walker) {
	struct lodge_guest guest;
	struct lodge_vcpu *vcpu;
	uint64_t *table;
};

static void on_alarm(int sig)
{
	static const char text[] = "# the vCPU spins\n";

	(void)!write(2, text, sizeof(text) - 1);
	_exit(1);
}

FIXTURE_SETUP(walker)
{
	lodge_guest_setup(&self->guest);
	self->vcpu = &self->guest.vcpu;
	self->table = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->table);
	lodge_guest_map(&self->guest.vm, GVA, TABLE | 3);
	self->table[0] = 0x40000 | 3;
	signal(SIGALRM, on_alarm);
	alarm(10);
}

FIXTURE_TEARDOWN(walker)
{
	lodge_guest_teardown(&self->guest);
}

static void table_slot(struct lodge_vm *vm, uint32_t flags, void *table)
{
	int ret = lodge_vm_set_region(vm, 1, flags, TABLE, 16 * PAGE, table);

	lodge_check(!ret, "slot: %d", ret);
}

LODGE_GUEST64(load,
	"mov $0x40000000, %edi\n"
	"mov (%rdi), %eax\n"
	"out %eax, $0xe9\n"
	"hlt\n");
LODGE_GUEST64(store,
	"mov $0x40000000, %edi\n"
	"movl $0x77, (%rdi)\n"
	"out %eax, $0xe9\n"
	"hlt\n");

TEST_F(walker, bits_are_set_in_ordinary_tables)
{
	table_slot(&self->guest.vm, 0, self->table);
	lodge_guest_start(&self->guest, 64, load);
	lodge_vcpu_expect(self->vcpu, KVM_EXIT_IO);
	ASSERT_EQ(ACCESSED, self->table[0] & (ACCESSED | DIRTY));
	lodge_guest_start(&self->guest, 64, store);
	lodge_vcpu_expect(self->vcpu, KVM_EXIT_IO);
	ASSERT_EQ(ACCESSED | DIRTY, self->table[0] & (ACCESSED | DIRTY));
}

TEST_F(walker, read_only_tables_with_bits_set_work)
{
	uint32_t *data = (void *)(self->guest.vm.mem + 0x40000);

	/*
	 * The emulated processor always walks for writing, and stock KVM then
	 * takes the table's address for the operand's.
	 */
	if (lodge_host_is_emulated() && !lodge_dev_is_lodge())
		SKIP(return, "stock KVM reads the wrong address here");
	*data = 0x1234;
	self->table[0] |= ACCESSED | DIRTY;
	table_slot(&self->guest.vm, KVM_MEM_READONLY, self->table);
	lodge_guest_start(&self->guest, 64, load);
	ASSERT_EQ(0x1234, lodge_vcpu_expect_out(self->vcpu, LODGE_GUEST_PORT));
	lodge_guest_start(&self->guest, 64, store);
	lodge_vcpu_expect(self->vcpu, KVM_EXIT_IO);
	ASSERT_EQ(0x77, *data);
}

/* The walk wants to write where nothing may be written. */
static void expect_way_out(struct lodge_vcpu *vcpu, uint64_t *table)
{
	int ret = lodge_vcpu_run(vcpu);

	lodge_check(ret == KVM_EXIT_IO || ret == KVM_EXIT_MMIO ||
		    ret == KVM_EXIT_INTERNAL_ERROR, "exit %d", ret);
	lodge_check(!(table[0] & (ACCESSED | DIRTY)),
		    "a read-only table was written");
}

TEST_F(walker, read_only_tables_without_bits_do_not_spin)
{
	table_slot(&self->guest.vm, KVM_MEM_READONLY, self->table);
	lodge_guest_start(&self->guest, 64, load);
	expect_way_out(self->vcpu, self->table);
	lodge_guest_start(&self->guest, 64, store);
	expect_way_out(self->vcpu, self->table);
}

LODGE_GUEST64(jump, "mov $0x40000000, %eax\n jmp *%rax\n");

TEST_F(walker, code_behind_read_only_tables_does_not_spin)
{
	int ret;

	memcpy(self->guest.vm.mem + 0x40000, "\xe7\xe9\xf4", 3);
	table_slot(&self->guest.vm, KVM_MEM_READONLY, self->table);
	lodge_guest_start(&self->guest, 64, jump);
	ret = lodge_vcpu_run(self->vcpu);
	ASSERT_TRUE(ret == KVM_EXIT_IO || ret == KVM_EXIT_INTERNAL_ERROR);
}

TEST_F(walker, tables_outside_memory_end_with_an_error)
{
	int ret;

	lodge_guest_start(&self->guest, 64, load);
	ret = lodge_vcpu_run(self->vcpu);
	ASSERT_TRUE(ret == KVM_EXIT_MMIO || ret == KVM_EXIT_INTERNAL_ERROR ||
		    ret == KVM_EXIT_SHUTDOWN || ret == KVM_EXIT_IO) {
		TH_LOG("exit %d", ret);
	}
}

TEST_F(walker, root_outside_memory_ends_with_an_error)
{
	struct kvm_sregs sregs;
	int ret;

	if (!lodge_dev_is_lodge())
		SKIP(return, "stock KVM spins here");
	lodge_guest_start(&self->guest, 64, load);
	lodge_vcpu_get_sregs(self->vcpu, &sregs);
	sregs.cr3 = 0x70000000;
	ASSERT_EQ(0, lodge_vcpu_set_sregs(self->vcpu, &sregs));
	ret = lodge_vcpu_run(self->vcpu);
	ASSERT_TRUE(ret == KVM_EXIT_MMIO || ret == KVM_EXIT_INTERNAL_ERROR ||
		    ret == KVM_EXIT_SHUTDOWN) TH_LOG("exit %d", ret);
}

TEST_F(walker, protected_host_memory_is_efault)
{
	table_slot(&self->guest.vm, 0, self->table);
	lodge_guest_start(&self->guest, 64, load);
	ASSERT_EQ(0, mprotect(self->table, 16 * PAGE, PROT_NONE));
	ASSERT_EQ(-EFAULT, lodge_vcpu_run(self->vcpu));
	ASSERT_EQ(0, mprotect(self->table, 16 * PAGE,
			      PROT_READ | PROT_WRITE));
	lodge_vcpu_expect(self->vcpu, KVM_EXIT_IO);
}

TEST_F(walker, the_guest_gets_its_own_page_faults)
{
	struct kvm_sregs sregs;

	self->table[0] = 0;
	table_slot(&self->guest.vm, 0, self->table);
	lodge_guest_start(&self->guest, 64, load);
	ASSERT_EQ(14, lodge_vcpu_expect_out(self->vcpu,
					    LODGE_GUEST_TRAP_PORT));
	lodge_vcpu_get_sregs(self->vcpu, &sregs);
	ASSERT_EQ(GVA, sregs.cr2);
	self->table[0] = 0x40000 | 1;
	lodge_guest_start(&self->guest, 64, store);
	ASSERT_EQ(14, lodge_vcpu_expect_out(self->vcpu,
					    LODGE_GUEST_TRAP_PORT));
}

LODGE_TEST_MAIN
