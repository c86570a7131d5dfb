// SPDX-License-Identifier: GPL-2.0
#include <string.h>
#include <sys/mman.h>

#include "check.h"
#include "guest.h"

#define CR0_PE 0x1ULL
#define CR0_MP 0x2ULL
#define CR0_ET 0x10ULL
#define CR0_NE 0x20ULL
#define CR0_WP 0x10000ULL
#define CR0_PG 0x80000000ULL
#define CR4_PAE 0x20ULL
#define CR4_MCE 0x40ULL		/* stock KVM shows the host's to the guest */
#define CR4_OSFXSR 0x200ULL
#define EFER_SCE 0x1ULL
#define EFER_LME 0x100ULL
#define EFER_LMA 0x400ULL
#define EFER_NX 0x800ULL
#define RFLAGS_FIXED 0x2ULL

#define PTE_P 0x1ULL
#define PTE_W 0x2ULL
#define PTE_U 0x4ULL
#define PTE_PS 0x80ULL

#define VECTORS 256
#define VECTOR_STRIDE 16
#define STACK_BYTES 0x4000

extern const unsigned char __start_lodge_guest[] __attribute__((weak));
extern const unsigned char __stop_lodge_guest[] __attribute__((weak));

static void put64(struct lodge_vm *vm, uint64_t gpa, uint64_t value)
{
	memcpy(vm->mem + gpa, &value, sizeof(value));
}

static void build_gdt(struct lodge_vm *vm)
{
	put64(vm, LODGE_GUEST_GDT, 0);
	put64(vm, LODGE_GUEST_GDT + LODGE_GUEST_CS32, 0x00cf9b000000ffffULL);
	put64(vm, LODGE_GUEST_GDT + LODGE_GUEST_CS64, 0x00af9b000000ffffULL);
	put64(vm, LODGE_GUEST_GDT + LODGE_GUEST_DS, 0x00cf93000000ffffULL);
	put64(vm, LODGE_GUEST_GDT + LODGE_GUEST_TSS, 0x00008b0000000067ULL);
	put64(vm, LODGE_GUEST_GDT + LODGE_GUEST_TSS + 8, 0);
}

/* Each handler: mov $vector, %eax; out %eax, $port; jmp back to the out. */
static void build_vectors(struct lodge_vm *vm)
{
	unsigned int i;

	for (i = 0; i < VECTORS; i++) {
		uint64_t gpa = LODGE_GUEST_VECTORS + i * VECTOR_STRIDE;
		unsigned char code[] = {
			0xb8, i, 0, 0, 0, 0xe7, LODGE_GUEST_TRAP_PORT,
			0xeb, 0xfc,
		};

		memcpy(vm->mem + gpa, code, sizeof(code));
		put64(vm, LODGE_GUEST_IDT + i * 16,
		      (gpa & 0xffff) | LODGE_GUEST_CS64 << 16 |
		      0x8e00ULL << 32 | gpa >> 16 << 48);
		put64(vm, LODGE_GUEST_IDT + i * 16 + 8, gpa >> 32);
	}
}

static void build_page_tables(struct lodge_vm *vm)
{
	unsigned int i;

	put64(vm, LODGE_GUEST_PML4, LODGE_GUEST_PDPT | PTE_P | PTE_W | PTE_U);
	for (i = 0; i < 4; i++)
		put64(vm, LODGE_GUEST_PDPT + i * 8,
		      (LODGE_GUEST_PD + i * 4096) | PTE_P | PTE_W | PTE_U);
	for (i = 0; i < 4 * 512; i++)
		put64(vm, LODGE_GUEST_PD + i * 8,
		      ((uint64_t)i << 21) | PTE_P | PTE_W | PTE_PS);
}

/**
 * lodge_guest_init - give a VM its memory, descriptor and page tables
 * @vm: a VM without memory
 */
void lodge_guest_init(struct lodge_vm *vm)
{
	vm->mem = lodge_vm_add_memory(vm, 0, 0, 0, LODGE_GUEST_MEM_SIZE);
	build_gdt(vm);
	build_vectors(vm);
	build_page_tables(vm);
}

/**
 * lodge_guest_setup - one VM with memory, tables and one vCPU
 * @guest: filled in
 */
void lodge_guest_setup(struct lodge_guest *guest)
{
	lodge_vm_create(&guest->vm);
	lodge_guest_init(&guest->vm);
	lodge_vcpu_create(&guest->vm, &guest->vcpu, 0);
}

/**
 * lodge_guest_teardown - close the vCPU and the VM
 * @guest: from lodge_guest_setup()
 */
void lodge_guest_teardown(struct lodge_guest *guest)
{
	lodge_vcpu_destroy(&guest->vcpu);
	lodge_vm_destroy(&guest->vm);
}

/**
 * lodge_guest_load - copy bytes into the guest's first slot
 * @vm:   the VM
 * @gpa:  destination
 * @code: first byte
 * @end:  one past the last byte
 */
void lodge_guest_load(struct lodge_vm *vm, uint64_t gpa,
		      const unsigned char *code, const unsigned char *end)
{
	lodge_check(gpa + (end - code) <= LODGE_GUEST_MEM_SIZE,
		    "code of %td bytes", end - code);
	memcpy(vm->mem + gpa, code, end - code);
}

/**
 * lodge_guest_set_ip - move a vCPU and give it clean flags
 * @vcpu: the vCPU
 * @rip:  next instruction
 */
void lodge_guest_set_ip(struct lodge_vcpu *vcpu, uint64_t rip)
{
	struct kvm_regs regs;

	lodge_vcpu_settle(vcpu);
	lodge_vcpu_get_regs(vcpu, &regs);
	regs.rip = rip;
	regs.rsp = LODGE_GUEST_STACK - vcpu->id * STACK_BYTES - 8;
	regs.rflags = RFLAGS_FIXED;
	lodge_vcpu_set_regs(vcpu, &regs);
}

/**
 * lodge_guest_real - start a vCPU in real mode
 * @vcpu: the vCPU
 * @gpa:  next instruction, below 1 MiB; CS gets its 64 KiB window
 */
void lodge_guest_real(struct lodge_vcpu *vcpu, uint32_t gpa)
{
	struct kvm_segment data = {
		.limit = 0xffff, .type = 3, .present = 1, .s = 1,
	};
	struct kvm_sregs sregs;
	struct kvm_regs regs;
	int ret;

	lodge_vcpu_settle(vcpu);
	lodge_vcpu_get_sregs(vcpu, &sregs);
	sregs.ds = data;
	sregs.es = data;
	sregs.fs = data;
	sregs.gs = data;
	sregs.ss = data;
	sregs.cs = data;
	sregs.cs.type = 11;
	sregs.cs.selector = (gpa & 0xf0000) >> 4;
	sregs.cs.base = gpa & 0xf0000;
	sregs.idt.base = 0;
	sregs.idt.limit = 0x3ff;
	sregs.cr0 = CR0_ET;
	sregs.cr4 = 0;
	sregs.efer = 0;
	ret = lodge_vcpu_set_sregs(vcpu, &sregs);
	lodge_check(!ret, "KVM_SET_SREGS: %d", ret);

	lodge_vcpu_get_regs(vcpu, &regs);
	regs.rip = gpa & 0xffff;
	regs.rsp = 0xf000;
	regs.rflags = RFLAGS_FIXED;
	lodge_vcpu_set_regs(vcpu, &regs);
}

static void flat_segments(struct kvm_sregs *sregs, uint16_t cs)
{
	struct kvm_segment data = {
		.selector = LODGE_GUEST_DS, .limit = 0xffffffff, .type = 3,
		.present = 1, .db = 1, .s = 1, .g = 1,
	};
	struct kvm_segment code = {
		.selector = cs, .limit = 0xffffffff, .type = 11,
		.present = 1, .db = cs == LODGE_GUEST_CS32, .s = 1,
		.l = cs == LODGE_GUEST_CS64, .g = 1,
	};
	struct kvm_segment tss = {
		.selector = LODGE_GUEST_TSS, .limit = 0x67, .type = 11,
		.present = 1,
	};

	sregs->cs = code;
	sregs->ds = data;
	sregs->es = data;
	sregs->fs = data;
	sregs->gs = data;
	sregs->ss = data;
	sregs->tr = tss;
	sregs->gdt.base = LODGE_GUEST_GDT;
	sregs->gdt.limit = 0x2f;
}

/**
 * lodge_guest_protected - start a vCPU in flat 32-bit mode without paging
 * @vcpu: the vCPU
 * @rip:  next instruction
 */
void lodge_guest_protected(struct lodge_vcpu *vcpu, uint32_t rip)
{
	struct kvm_sregs sregs;
	int ret;

	lodge_vcpu_settle(vcpu);
	lodge_vcpu_get_sregs(vcpu, &sregs);
	flat_segments(&sregs, LODGE_GUEST_CS32);
	sregs.cr0 = CR0_PE | CR0_MP | CR0_ET | CR0_NE;
	sregs.cr4 = 0;
	sregs.efer = 0;
	ret = lodge_vcpu_set_sregs(vcpu, &sregs);
	lodge_check(!ret, "KVM_SET_SREGS: %d", ret);
	lodge_guest_set_ip(vcpu, rip);
}

/**
 * lodge_guest_long - start a vCPU in 64-bit mode
 * @vcpu: the vCPU
 * @rip:  next instruction
 */
void lodge_guest_long(struct lodge_vcpu *vcpu, uint64_t rip)
{
	struct kvm_sregs sregs;
	int ret;

	lodge_vcpu_settle(vcpu);
	lodge_vcpu_set_cpuid(vcpu);
	lodge_vcpu_get_sregs(vcpu, &sregs);
	flat_segments(&sregs, LODGE_GUEST_CS64);
	sregs.idt.base = LODGE_GUEST_IDT;
	sregs.idt.limit = VECTORS * 16 - 1;
	sregs.cr0 = CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_PG;
	sregs.cr3 = LODGE_GUEST_PML4;
	sregs.cr4 = CR4_PAE | CR4_MCE | CR4_OSFXSR;
	sregs.efer = EFER_SCE | EFER_LME | EFER_LMA | EFER_NX;
	ret = lodge_vcpu_set_sregs(vcpu, &sregs);
	lodge_check(!ret, "KVM_SET_SREGS: %d", ret);
	lodge_guest_set_ip(vcpu, rip);
}

/**
 * lodge_guest_call - start a vCPU in a C function
 * @vcpu: the vCPU; its VM's slot 0 gets a copy of all guest functions
 * @fn:   a LODGE_GUEST_FN
 * @arg:  its argument
 */
void lodge_guest_call(struct lodge_vcpu *vcpu, void (*fn)(uint64_t),
		      uint64_t arg)
{
	uint64_t offset = (uintptr_t)fn - (uintptr_t)__start_lodge_guest;
	struct kvm_regs regs;

	lodge_check(offset < (uint64_t)(__stop_lodge_guest -
					__start_lodge_guest),
		    "not a guest function");
	lodge_guest_load(vcpu->vm, LODGE_GUEST_CODE, __start_lodge_guest,
			 __stop_lodge_guest);
	lodge_guest_long(vcpu, LODGE_GUEST_CODE + offset);
	lodge_vcpu_get_regs(vcpu, &regs);
	regs.rdi = arg;
	lodge_vcpu_set_regs(vcpu, &regs);
}

/**
 * lodge_guest_map - replace the 2 MiB entry that maps a guest address
 * @vm:    a VM with lodge_guest_init()'s tables
 * @gva:   virtual address below 4 GiB
 * @entry: the whole page-directory entry
 */
void lodge_guest_map(struct lodge_vm *vm, uint64_t gva, uint64_t entry)
{
	put64(vm, LODGE_GUEST_PD + (gva >> 21) * 8, entry);
}

/**
 * lodge_guest_run_blob - load assembly and point the vCPU at it
 * @guest: the guest
 * @bits:  16, 32 or 64: mode to start in
 * @code:  first byte
 * @end:   one past the last
 */
void lodge_guest_run_blob(struct lodge_guest *guest, int bits,
			  const unsigned char *code, const unsigned char *end)
{
	lodge_guest_load(&guest->vm, LODGE_GUEST_CODE, code, end);
	if (bits == 16)
		lodge_guest_real(&guest->vcpu, LODGE_GUEST_CODE);
	else if (bits == 32)
		lodge_guest_protected(&guest->vcpu, LODGE_GUEST_CODE);
	else
		lodge_guest_long(&guest->vcpu, LODGE_GUEST_CODE);
}
