// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's page tables in software: no paging, 32-bit, PAE, four and five
 * levels, with the permission rules of NX, WP, SMEP, SMAP and protection keys.
 */
#include <linux/kvm.h>
#include <linux/mm.h>
#include <asm/processor-flags.h>

#include "cpuid.h"
#include "guest_mem.h"
#include "regs.h"
#include "vcpu.h"
#include "walk.h"

#define PTE_P		BIT_ULL(0)
#define PTE_W		BIT_ULL(1)
#define PTE_U		BIT_ULL(2)
#define PTE_A		BIT_ULL(5)
#define PTE_D		BIT_ULL(6)
#define PTE_PS		BIT_ULL(7)
#define PTE_NX		BIT_ULL(63)
#define PTE_ADDR	GENMASK_ULL(51, 12)
#define PTE_KEY(pte)	(((pte) >> 59) & 0xf)

/* Bit 5 is reserved too, but QEMU's emulated processors take it for an accessed bit and set it. */
#define PDPTE_PAE_RSVD	(GENMASK_ULL(63, 52) | GENMASK_ULL(8, 6) | GENMASK_ULL(2, 1))

/* How the present mode's tables look. */
struct shape {
	unsigned int levels;		/* 0: no paging */
	unsigned int entry_bytes;
	unsigned int index_bits;
	bool nx;			/* EFER.NXE and entries wide enough */
	u64 rsvd;			/* bits above MAXPHYADDR, and NX where it is off */
};

/* One step. */
struct step {
	unsigned int level;		/* 1: page table */
	gpa_t table;
	gpa_t entry_gpa;
	u64 entry;
};

static struct shape shape_of(struct lodge_vcpu *vcpu)
{
	struct lodge_vmcb_save *save = lodge_x86_save(vcpu);
	struct shape shape = { .levels = 0 };

	if (!(save->cr0 & X86_CR0_PG))
		return shape;
	if (!(save->cr4 & X86_CR4_PAE))
		return (struct shape){ .levels = 2, .entry_bytes = 4, .index_bits = 10 };

	shape.entry_bytes = 8;
	shape.index_bits = 9;
	shape.levels = 3;
	if (lodge_x86_long_mode(vcpu))
		shape.levels = save->cr4 & X86_CR4_LA57 ? 5 : 4;
	shape.nx = vcpu->arch.efer & EFER_NX;
	shape.rsvd = vcpu->arch.guest_gpa_reserved & PTE_ADDR;
	if (!shape.nx)
		shape.rsvd |= PTE_NX;
	return shape;
}

static unsigned int level_shift(const struct shape *shape, unsigned int level)
{
	return PAGE_SHIFT + (level - 1) * shape->index_bits;
}

static gpa_t root_table(struct lodge_vcpu *vcpu, const struct shape *shape)
{
	u64 cr3 = lodge_x86_save(vcpu)->cr3;

	if (shape->levels == 3)
		return (u32)cr3 & ~0x1full;
	return shape->levels == 2 ? (u32)cr3 & PAGE_MASK : cr3 & PTE_ADDR;
}

static int read_entry(struct lodge_vcpu *vcpu, const struct lodge_walk *walk, const struct shape *shape,
		      struct step *step)
{
	unsigned int bits = shape->levels == 3 && step->level == 3 ? 2 : shape->index_bits;
	u64 index = (walk->gva >> level_shift(shape, step->level)) & (BIT_ULL(bits) - 1);

	step->entry = 0;
	step->entry_gpa = step->table + index * shape->entry_bytes;
	if (walk->atomic)
		return lodge_guest_read_atomic(vcpu->vm, 0, step->entry_gpa, &step->entry, shape->entry_bytes);
	return lodge_guest_read(vcpu->vm, 0, step->entry_gpa, &step->entry, shape->entry_bytes);
}

/* A page larger than the smallest ends the walk here. */
static bool is_large(struct lodge_vcpu *vcpu, const struct shape *shape, const struct step *step)
{
	if (!(step->entry & PTE_PS) || step->level == 1)
		return false;
	if (shape->entry_bytes == 4)
		return lodge_x86_save(vcpu)->cr4 & X86_CR4_PSE;
	return step->level == 2 || (step->level == 3 && shape->levels > 3);
}

static bool has_reserved_bits(const struct shape *shape, const struct step *step, bool large)
{
	if (shape->entry_bytes == 4)
		return large && (step->entry & BIT(21));
	if (shape->levels == 3 && step->level == 3)
		return step->entry & (PDPTE_PAE_RSVD | shape->rsvd);
	if (step->entry & shape->rsvd)
		return true;
	if (shape->levels == 3 && step->entry & GENMASK_ULL(62, 52))
		return true;
	if (step->level >= 4 || (step->level == 3 && shape->levels == 3))
		return step->entry & PTE_PS;
	return large && (step->entry & GENMASK_ULL(level_shift(shape, step->level) - 1, 13));
}

static gpa_t leaf_gpa(const struct shape *shape, const struct step *step, gva_t gva)
{
	u64 offset = gva & (BIT_ULL(level_shift(shape, step->level)) - 1);
	u64 base = step->entry & PTE_ADDR;

	/* PSE-36: address bits 39:32 of a 4 MiB page are in 20:13. */
	if (shape->entry_bytes == 4 && step->level == 2)
		base = (step->entry & GENMASK_ULL(31, 22)) | (step->entry & GENMASK_ULL(20, 13)) << 19;
	else if (shape->entry_bytes == 4)
		base = step->entry & GENMASK_ULL(31, 12);
	return (base & ~(BIT_ULL(level_shift(shape, step->level)) - 1)) | offset;
}

static u32 access_error(struct lodge_vcpu *vcpu, const struct lodge_walk *walk, const struct shape *shape)
{
	u32 error = 0;

	if (walk->access & LODGE_ACCESS_WRITE)
		error |= LODGE_PF_WRITE;
	if (walk->user)
		error |= LODGE_PF_USER;
	if (walk->access & LODGE_ACCESS_EXEC &&
	    (shape->nx || lodge_x86_save(vcpu)->cr4 & X86_CR4_SMEP))
		error |= LODGE_PF_FETCH;
	return error;
}

/* Rights that all levels agree on. */
struct rights {
	bool write;
	bool user;
	bool nx;
};

static bool supervisor_refused(struct lodge_vcpu *vcpu, const struct lodge_walk *walk, const struct rights *rights)
{
	struct lodge_vmcb_save *save = lodge_x86_save(vcpu);

	if (!rights->user)
		return false;
	if (walk->access & LODGE_ACCESS_EXEC)
		return save->cr4 & X86_CR4_SMEP;
	return save->cr4 & X86_CR4_SMAP && !(save->rflags & X86_EFLAGS_AC);
}

static bool refused(struct lodge_vcpu *vcpu, const struct lodge_walk *walk, const struct rights *rights)
{
	bool wp = lodge_x86_save(vcpu)->cr0 & X86_CR0_WP;

	if (walk->user ? !rights->user : supervisor_refused(vcpu, walk, rights))
		return true;
	if (walk->access & LODGE_ACCESS_WRITE && !rights->write && (walk->user || wp))
		return true;
	return walk->access & LODGE_ACCESS_EXEC && rights->nx;
}

/* Protection keys rule data accesses to user pages in long mode. */
static bool key_refused(struct lodge_vcpu *vcpu, const struct lodge_walk *walk, const struct rights *rights, u64 pte)
{
	struct lodge_vmcb_save *save = lodge_x86_save(vcpu);
	u32 key;

	if (!(save->cr4 & X86_CR4_PKE) || !lodge_x86_long_mode(vcpu) || !rights->user ||
	    walk->access & LODGE_ACCESS_EXEC)
		return false;
	key = vcpu->arch.pkru >> (2 * PTE_KEY(pte));
	if (key & 1)
		return true;
	return key & 2 && walk->access & LODGE_ACCESS_WRITE && (walk->user || save->cr0 & X86_CR0_WP);
}

/*
 * Accessed and dirty bits, as the processor sets them. Returns 0; 1 if the
 * entry changed under us. Tables in read-only slots simply stay as they are.
 */
static int mark_entry(struct lodge_vcpu *vcpu, const struct lodge_walk *walk, const struct shape *shape,
		      struct step *step, bool leaf)
{
	u64 want = step->entry | PTE_A;
	u64 old = step->entry;

	if (walk->quiet || (shape->levels == 3 && step->level == 3))
		return 0;
	if (leaf && walk->access & LODGE_ACCESS_WRITE)
		want |= PTE_D;
	if (want == step->entry)
		return 0;
	if (walk->atomic)
		return -EAGAIN;
	if (lodge_guest_cmpxchg(vcpu->vm, 0, step->entry_gpa, &old, want, shape->entry_bytes) == 1)
		return 1;
	return 0;
}

static enum lodge_walk_result fault(struct lodge_walk *walk, u32 error)
{
	walk->error = error;
	return LODGE_WALK_FAULT;
}

/* Returns the result, or RESTART when an entry changed under us. */
#define RESTART	((enum lodge_walk_result)-1)

static enum lodge_walk_result finish(struct lodge_vcpu *vcpu, struct lodge_walk *walk, const struct shape *shape,
				     struct step *step, const struct rights *rights, u32 error)
{
	int r;

	if (refused(vcpu, walk, rights))
		return fault(walk, error | LODGE_PF_PRESENT);
	if (key_refused(vcpu, walk, rights, step->entry))
		return fault(walk, error | LODGE_PF_PRESENT | LODGE_PF_PK);
	r = mark_entry(vcpu, walk, shape, step, true);
	if (r)
		return r < 0 ? LODGE_WALK_UNREADABLE : RESTART;
	walk->gpa = leaf_gpa(shape, step, walk->gva);
	walk->writable = rights->write;
	walk->user_ok = rights->user;
	return LODGE_WALK_OK;
}

static enum lodge_walk_result walk_once(struct lodge_vcpu *vcpu, struct lodge_walk *walk, const struct shape *shape)
{
	struct step step = { .level = shape->levels, .table = root_table(vcpu, shape) };
	struct rights rights = { .write = true, .user = true };
	u32 error = access_error(vcpu, walk, shape);
	bool pdpte, large;
	int r;

	for (;; step.level--) {
		if (read_entry(vcpu, walk, shape, &step))
			return LODGE_WALK_UNREADABLE;
		if (!(step.entry & PTE_P))
			return fault(walk, error);
		large = is_large(vcpu, shape, &step);
		if (has_reserved_bits(shape, &step, large))
			return fault(walk, error | LODGE_PF_PRESENT | LODGE_PF_RSVD);

		pdpte = shape->levels == 3 && step.level == 3;
		rights.write &= pdpte || step.entry & PTE_W;
		rights.user &= pdpte || step.entry & PTE_U;
		rights.nx |= shape->nx && step.entry & PTE_NX;
		if (step.level == 1 || large)
			return finish(vcpu, walk, shape, &step, &rights, error);

		r = mark_entry(vcpu, walk, shape, &step, false);
		if (r)
			return r < 0 ? LODGE_WALK_UNREADABLE : RESTART;
		step.table = shape->entry_bytes == 4 ? step.entry & GENMASK_ULL(31, 12) : step.entry & PTE_ADDR;
	}
}

/**
 * lodge_walk_gva() - translate a linear address as the guest's processor would
 * @vcpu: the vCPU
 * @walk: what is asked, and the answer
 *
 * Context: the VM's SRCU held; may sleep unless @walk->atomic. Accessed and dirty bits are set unless @walk->quiet.
 * Return: enum lodge_walk_result.
 */
enum lodge_walk_result lodge_walk_gva(struct lodge_vcpu *vcpu, struct lodge_walk *walk)
{
	struct shape shape = shape_of(vcpu);
	enum lodge_walk_result result;

	if (!shape.levels) {
		walk->gpa = (u32)walk->gva;
		walk->writable = true;
		walk->user_ok = true;
		return LODGE_WALK_OK;
	}
	do {
		result = walk_once(vcpu, walk, &shape);
	} while (result == RESTART);
	return result;
}

/**
 * lodge_walk_read() - read guest linear memory
 * @vcpu: the vCPU
 * @gva: where
 * @data: to
 * @len: bytes
 * @access: LODGE_ACCESS_READ or LODGE_ACCESS_EXEC
 * @user: with CPL 3 rights
 * @cr2: out: faulting address
 * @error: out: #PF error code
 *
 * Context: SRCU held; may sleep. Return: 0; 1 on a guest page fault; -EFAULT if there is no memory.
 */
int lodge_walk_read(struct lodge_vcpu *vcpu, gva_t gva, void *data, unsigned int len, unsigned int access, bool user,
		    u64 *cr2, u32 *error)
{
	while (len) {
		unsigned int n = min_t(unsigned int, len, PAGE_SIZE - offset_in_page(gva));
		struct lodge_walk walk = { .gva = gva, .access = access, .user = user };

		switch (lodge_walk_gva(vcpu, &walk)) {
		case LODGE_WALK_OK:
			break;
		case LODGE_WALK_FAULT:
			*cr2 = gva;
			*error = walk.error;
			return 1;
		default:
			return -EFAULT;
		}
		if (lodge_guest_read(vcpu->vm, 0, walk.gpa, data, n))
			return -EFAULT;
		gva += n;
		data += n;
		len -= n;
	}
	return 0;
}

/**
 * lodge_walk_translate() - KVM_TRANSLATE
 * @vcpu: the vCPU
 * @tr: in: linear address; out: the rest
 *
 * Context: SRCU held; may sleep. Return: 0.
 */
int lodge_walk_translate(struct lodge_vcpu *vcpu, struct kvm_translation *tr)
{
	struct lodge_walk walk = { .gva = tr->linear_address, .quiet = true };
	bool valid = lodge_walk_gva(vcpu, &walk) == LODGE_WALK_OK;

	/* The last two say nothing about the mapping: KVM's ABI is so. */
	tr->physical_address = valid ? walk.gpa : LODGE_INVALID_GPA;
	tr->valid = valid;
	tr->writeable = 1;
	tr->usermode = 0;
	return 0;
}

static unsigned int fetch_in_page(struct lodge_vcpu *vcpu, gva_t gva, u8 *bytes, unsigned int n)
{
	struct lodge_walk walk = {
		.gva = gva,
		.access = LODGE_ACCESS_EXEC,
		.user = lodge_x86_cpl(vcpu) == 3,
		.atomic = true,
	};

	n = min_t(unsigned int, n, PAGE_SIZE - offset_in_page(gva));
	if (lodge_walk_gva(vcpu, &walk) != LODGE_WALK_OK ||
	    lodge_guest_read_atomic(vcpu->vm, 0, walk.gpa, bytes, n))
		return 0;
	return n;
}

/**
 * lodge_walk_fetch_atomic() - read the instruction at CS:rip without sleeping
 * @vcpu: the vCPU
 * @bytes: out
 *
 * Context: any; the VM's SRCU held.
 * Return: bytes read, up to 15; fewer at the end of readable memory; 0 if it cannot be read here.
 */
unsigned int lodge_walk_fetch_atomic(struct lodge_vcpu *vcpu, u8 bytes[15])
{
	struct lodge_vmcb_save *save = lodge_x86_save(vcpu);
	gva_t gva = lodge_x86_is_64bit(vcpu) ? save->rip : (u32)(save->cs.base + save->rip);
	unsigned int n;

	n = fetch_in_page(vcpu, gva, bytes, LODGE_X86_MAX_INSN);
	if (n && n < LODGE_X86_MAX_INSN)
		n += fetch_in_page(vcpu, gva + n, bytes + n, LODGE_X86_MAX_INSN - n);
	return n;
}
