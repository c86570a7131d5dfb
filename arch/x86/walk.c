// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's page tables in software: no paging, 32-bit, PAE, four and five
 * levels, with the permission rules of NX, WP, SMEP, SMAP and protection keys.
 */
#include <linux/kvm.h>
#include <linux/mm.h>
#include <linux/uaccess.h>
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
	unsigned int pdpte;		/* level of the four PAE pointers, which are like no other entry; 0: none */
	unsigned int large;		/* levels, as bits, on which PS makes a page */
	bool nx;			/* EFER.NXE and entries wide enough */
	u64 rsvd;			/* bits above MAXPHYADDR, and NX where it is off */
};

/* One step. */
struct step {
	unsigned int level;		/* 1: page table */
	unsigned int shift;		/* log2 of what an entry maps */
	gpa_t table;
	gpa_t entry_gpa;
	u64 entry;
};

static void shape_of_wide(struct lodge_vcpu *vcpu, struct shape *shape)
{
	u64 cr4 = lodge_x86_save(vcpu)->cr4;

	shape->entry_bytes = 8;
	shape->index_bits = 9;
	shape->nx = vcpu->arch.efer & EFER_NX;
	shape->rsvd = vcpu->arch.guest_gpa_reserved & PTE_ADDR;
	if (!shape->nx)
		shape->rsvd |= PTE_NX;
	if (lodge_x86_long_mode(vcpu)) {
		shape->levels = cr4 & X86_CR4_LA57 ? 5 : 4;
		shape->pdpte = 0;
		shape->large = BIT(2) | BIT(3);
	} else {
		shape->levels = 3;
		shape->pdpte = 3;
		shape->large = BIT(2);
		shape->rsvd |= GENMASK_ULL(62, 52);
	}
}

static void shape_of(struct lodge_vcpu *vcpu, struct shape *shape)
{
	struct lodge_vmcb_save *save = lodge_x86_save(vcpu);

	if (!(save->cr0 & X86_CR0_PG))
		shape->levels = 0;
	else if (save->cr4 & X86_CR4_PAE)
		shape_of_wide(vcpu, shape);
	else
		*shape = (struct shape){
			.levels = 2,
			.entry_bytes = 4,
			.index_bits = 10,
			.large = save->cr4 & X86_CR4_PSE ? BIT(2) : 0,
		};
}

static gpa_t root_table(struct lodge_vcpu *vcpu, const struct shape *shape)
{
	u64 cr3 = lodge_x86_save(vcpu)->cr3;

	if (shape->pdpte)
		return (u32)cr3 & ~0x1full;
	return shape->levels == 2 ? (u32)cr3 & PAGE_MASK : cr3 & PTE_ADDR;
}

static int read_entry(struct lodge_walk *walk, const struct shape *shape, struct step *step)
{
	unsigned int bits = step->level == shape->pdpte ? 2 : shape->index_bits;
	u64 index = (walk->gva >> step->shift) & (BIT_ULL(bits) - 1);
	u32 narrow;
	int err;

	if (likely(shape->entry_bytes == 8)) {
		step->entry_gpa = step->table + index * 8;
		return lodge_guest_view_u64(&walk->view, step->entry_gpa, &step->entry);
	}
	step->entry_gpa = step->table + index * 4;
	err = lodge_guest_view_u32(&walk->view, step->entry_gpa, &narrow);
	step->entry = narrow;
	return err;
}

/* A page larger than the smallest ends the walk here. */
static bool is_large(const struct shape *shape, const struct step *step)
{
	return step->entry & PTE_PS && shape->large & BIT(step->level);
}

/* What PS reserves: itself where it makes no page, else the address bits below the page's size. */
static u64 reserved_by_ps(const struct shape *shape, const struct step *step, bool large)
{
	if (shape->entry_bytes == 4)
		return large ? BIT_ULL(21) : 0;
	if (step->level == 1)
		return 0;
	return large ? GENMASK_ULL(step->shift - 1, 13) : PTE_PS;
}

static bool has_reserved_bits(const struct shape *shape, const struct step *step, bool large)
{
	u64 rsvd = shape->rsvd;

	if (step->level == shape->pdpte)
		rsvd |= PDPTE_PAE_RSVD;
	if (step->entry & PTE_PS)
		rsvd |= reserved_by_ps(shape, step, large);
	return step->entry & rsvd;
}

static gpa_t leaf_gpa(const struct shape *shape, const struct step *step, gva_t gva)
{
	u64 mask = BIT_ULL(step->shift) - 1;
	u64 base = step->entry & PTE_ADDR;

	/* PSE-36: address bits 39:32 of a 4 MiB page are in 20:13. */
	if (shape->entry_bytes == 4 && step->level == 2)
		base = (step->entry & GENMASK_ULL(31, 22)) | (step->entry & GENMASK_ULL(20, 13)) << 19;
	else if (shape->entry_bytes == 4)
		base = step->entry & GENMASK_ULL(31, 12);
	return (base & ~mask) | (gva & mask);
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
	u64 all;	/* W and U that no level has clear */
	u64 any;	/* NX of any level */
};

static bool may_write(const struct rights *rights)
{
	return rights->all & PTE_W;
}

static bool is_user(const struct rights *rights)
{
	return rights->all & PTE_U;
}

static bool supervisor_refused(struct lodge_vcpu *vcpu, const struct lodge_walk *walk, const struct rights *rights)
{
	struct lodge_vmcb_save *save = lodge_x86_save(vcpu);

	if (!is_user(rights))
		return false;
	if (walk->access & LODGE_ACCESS_EXEC)
		return save->cr4 & X86_CR4_SMEP;
	return save->cr4 & X86_CR4_SMAP && !(save->rflags & X86_EFLAGS_AC);
}

static bool refused(struct lodge_vcpu *vcpu, const struct lodge_walk *walk, const struct shape *shape,
		    const struct rights *rights)
{
	bool wp = lodge_x86_save(vcpu)->cr0 & X86_CR0_WP;

	if (walk->user ? !is_user(rights) : supervisor_refused(vcpu, walk, rights))
		return true;
	if (walk->access & LODGE_ACCESS_WRITE && !may_write(rights) && (walk->user || wp))
		return true;
	return walk->access & LODGE_ACCESS_EXEC && shape->nx && rights->any & PTE_NX;
}

/* Protection keys rule data accesses to user pages in long mode. */
static bool key_refused(struct lodge_vcpu *vcpu, const struct lodge_walk *walk, const struct rights *rights, u64 pte)
{
	struct lodge_vmcb_save *save = lodge_x86_save(vcpu);
	u32 key;

	if (!(save->cr4 & X86_CR4_PKE) || !lodge_x86_long_mode(vcpu) || !is_user(rights) ||
	    walk->access & LODGE_ACCESS_EXEC)
		return false;
	key = vcpu->arch.pkru >> (2 * PTE_KEY(pte));
	if (key & 1)
		return true;
	return key & 2 && walk->access & LODGE_ACCESS_WRITE && (walk->user || save->cr0 & X86_CR0_WP);
}

/* The bits that this access sets in the entry. */
static u64 wanted_marks(const struct lodge_walk *walk, const struct shape *shape, const struct step *step, bool leaf)
{
	if (step->level == shape->pdpte)
		return 0;
	return leaf && walk->access & LODGE_ACCESS_WRITE ? PTE_A | PTE_D : PTE_A;
}

/* Tables in read-only slots simply stay as they are. */
static int set_marks(struct lodge_vcpu *vcpu, const struct lodge_walk *walk, const struct shape *shape,
		     struct step *step, u64 marks)
{
	u64 old = step->entry;

	if (walk->quiet)
		return 0;
	if (walk->atomic)
		return -EAGAIN;
	if (lodge_guest_cmpxchg(vcpu->vm, 0, step->entry_gpa, &old, old | marks, shape->entry_bytes) == 1)
		return 1;
	return 0;
}

/*
 * Accessed and dirty bits, as the processor sets them. Returns 0; 1 if the
 * entry changed under us; -EAGAIN if it cannot be done here.
 */
static int mark_entry(struct lodge_vcpu *vcpu, const struct lodge_walk *walk, const struct shape *shape,
		      struct step *step, bool leaf)
{
	u64 marks = wanted_marks(walk, shape, step, leaf);

	if (likely(!(marks & ~step->entry)))
		return 0;
	return set_marks(vcpu, walk, shape, step, marks);
}

static enum lodge_walk_result fault(struct lodge_vcpu *vcpu, struct lodge_walk *walk, const struct shape *shape,
				    u32 error)
{
	walk->error = error | access_error(vcpu, walk, shape);
	return LODGE_WALK_FAULT;
}

/* Returns the result, or RESTART when an entry changed under us. */
#define RESTART	((enum lodge_walk_result)-1)

static enum lodge_walk_result finish(struct lodge_vcpu *vcpu, struct lodge_walk *walk, const struct shape *shape,
				     struct step *step, const struct rights *rights)
{
	int r;

	if (refused(vcpu, walk, shape, rights))
		return fault(vcpu, walk, shape, LODGE_PF_PRESENT);
	if (key_refused(vcpu, walk, rights, step->entry))
		return fault(vcpu, walk, shape, LODGE_PF_PRESENT | LODGE_PF_PK);
	r = mark_entry(vcpu, walk, shape, step, true);
	if (r)
		return r < 0 ? LODGE_WALK_UNREADABLE : RESTART;
	walk->gpa = leaf_gpa(shape, step, walk->gva);
	walk->writable = may_write(rights);
	walk->user_ok = is_user(rights);
	return LODGE_WALK_OK;
}

static void take_rights(struct rights *rights, const struct shape *shape, const struct step *step)
{
	if (step->level == shape->pdpte)
		return;
	rights->all &= step->entry;
	rights->any |= step->entry;
}

static void step_down(const struct shape *shape, struct step *step)
{
	step->table = step->entry & (shape->entry_bytes == 4 ? GENMASK_ULL(31, 12) : PTE_ADDR);
	step->level--;
	step->shift -= shape->index_bits;
}

static enum lodge_walk_result walk_once(struct lodge_vcpu *vcpu, struct lodge_walk *walk, const struct shape *shape)
{
	struct rights rights = { .all = PTE_W | PTE_U };
	struct step step;
	bool large;
	int r;

	step.level = shape->levels;
	step.shift = PAGE_SHIFT + (shape->levels - 1) * shape->index_bits;
	step.table = root_table(vcpu, shape);
	for (;; step_down(shape, &step)) {
		if (read_entry(walk, shape, &step))
			return LODGE_WALK_UNREADABLE;
		if (!(step.entry & PTE_P))
			return fault(vcpu, walk, shape, 0);
		large = is_large(shape, &step);
		if (has_reserved_bits(shape, &step, large))
			return fault(vcpu, walk, shape, LODGE_PF_PRESENT | LODGE_PF_RSVD);

		take_rights(&rights, shape, &step);
		if (step.level == 1 || large)
			return finish(vcpu, walk, shape, &step, &rights);

		r = mark_entry(vcpu, walk, shape, &step, false);
		if (r)
			return r < 0 ? LODGE_WALK_UNREADABLE : RESTART;
	}
}

/**
 * lodge_walk_gva() - translate a linear address as the guest's processor would
 * @vcpu: the vCPU
 * @walk: what is asked, and the answer
 *
 * Context: the VM's SRCU held; may sleep unless @walk->atomic, when page faults are disabled. Accessed and dirty bits are set unless @walk->quiet.
 * Return: enum lodge_walk_result.
 */
enum lodge_walk_result lodge_walk_gva(struct lodge_vcpu *vcpu, struct lodge_walk *walk)
{
	enum lodge_walk_result result;
	struct shape shape;

	lodge_guest_view_begin(&walk->view, vcpu->vm, 0);
	shape_of(vcpu, &shape);
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

/* Two loads where the page has room for them; they may take a byte more than was asked for. */
static int read_code(struct lodge_vcpu *vcpu, struct lodge_walk *walk, u8 *bytes, unsigned int n)
{
	u64 *words = (u64 *)bytes;

	if (n < LODGE_X86_MAX_INSN || offset_in_page(walk->gpa) > PAGE_SIZE - LODGE_WALK_FETCH)
		return lodge_guest_read_atomic(vcpu->vm, 0, walk->gpa, bytes, n);
	return lodge_guest_view_u64(&walk->view, walk->gpa, &words[0]) ?:
	       lodge_guest_view_u64(&walk->view, walk->gpa + 8, &words[1]);
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
	if (lodge_walk_gva(vcpu, &walk) != LODGE_WALK_OK || read_code(vcpu, &walk, bytes, n))
		return 0;
	return n;
}

/**
 * lodge_walk_fetch_atomic() - read the instruction at CS:rip without sleeping
 * @vcpu: the vCPU
 * @bytes: out, aligned to 8
 *
 * Context: any; the VM's SRCU held.
 * Return: bytes read, up to 15; fewer at the end of readable memory; 0 if it cannot be read here.
 */
unsigned int lodge_walk_fetch_atomic(struct lodge_vcpu *vcpu, u8 bytes[LODGE_WALK_FETCH])
{
	gva_t gva = lodge_x86_linear_rip(vcpu);
	unsigned int n;

	pagefault_disable();
	n = fetch_in_page(vcpu, gva, bytes, LODGE_X86_MAX_INSN);
	if (n && n < LODGE_X86_MAX_INSN)
		n += fetch_in_page(vcpu, gva + n, bytes + n, LODGE_X86_MAX_INSN - n);
	pagefault_enable();
	return n;
}
