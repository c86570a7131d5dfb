// SPDX-License-Identifier: GPL-2.0
/*
 * KVM_GET/SET_REGS, KVM_GET/SET_SREGS, KVM_GET/SET_SREGS2.
 *
 * A set of special registers is checked as a whole before any of it is taken.
 */
#include <linux/bitmap.h>
#include <linux/bits.h>
#include <linux/kvm.h>
#include <linux/string.h>
#include <asm/apicdef.h>

#include "cpuid.h"
#include "cpuid_bits.h"
#include "events.h"
#include "guest_mem.h"
#include "regs.h"
#include "svm/svm.h"
#include "svm/vmcb.h"
#include "vcpu.h"

/* Segment attributes in the VMCB. */
#define ATTR_TYPE	0x000f
#define ATTR_S		BIT(4)
#define ATTR_DPL_SHIFT	5
#define ATTR_P		BIT(7)
#define ATTR_AVL	BIT(8)
#define ATTR_L		BIT(9)
#define ATTR_DB		BIT(10)
#define ATTR_G		BIT(11)
#define TYPE_ACCESSED	1
#define TYPE_BUSY	2

/* Bits of IA32_APIC_BASE that never mean anything. */
#define APIC_BASE_RESERVED	0x2ffull

/* PAE: CR3 has the address of four pointers, aligned to their 32 bytes. */
#define PAE_CR3_MASK		0xffffffe0ull

/**
 * lodge_x86_get_regs() - KVM_GET_REGS
 * @vcpu: the vCPU
 * @regs: out
 *
 * Context: vcpu->mutex.
 */
void lodge_x86_get_regs(struct lodge_vcpu *vcpu, struct kvm_regs *regs)
{
	const unsigned long *gpr = vcpu->arch.regs;

	*regs = (struct kvm_regs) {
		.rax = gpr[LODGE_RAX], .rbx = gpr[LODGE_RBX], .rcx = gpr[LODGE_RCX], .rdx = gpr[LODGE_RDX],
		.rsi = gpr[LODGE_RSI], .rdi = gpr[LODGE_RDI], .rsp = gpr[LODGE_RSP], .rbp = gpr[LODGE_RBP],
		.r8 = gpr[LODGE_R8], .r9 = gpr[LODGE_R9], .r10 = gpr[LODGE_R10], .r11 = gpr[LODGE_R11],
		.r12 = gpr[LODGE_R12], .r13 = gpr[LODGE_R13], .r14 = gpr[LODGE_R14], .r15 = gpr[LODGE_R15],
		.rip = lodge_x86_rip(vcpu),
		.rflags = lodge_x86_get_rflags(vcpu),
	};
}

/**
 * lodge_x86_set_regs() - KVM_SET_REGS
 * @vcpu: the vCPU
 * @regs: any values
 *
 * A pending exception belonged to the old rip and is dropped. Context: vcpu->mutex.
 */
void lodge_x86_set_regs(struct lodge_vcpu *vcpu, const struct kvm_regs *regs)
{
	unsigned long *gpr = vcpu->arch.regs;

	gpr[LODGE_RAX] = regs->rax;
	gpr[LODGE_RBX] = regs->rbx;
	gpr[LODGE_RCX] = regs->rcx;
	gpr[LODGE_RDX] = regs->rdx;
	gpr[LODGE_RSI] = regs->rsi;
	gpr[LODGE_RDI] = regs->rdi;
	gpr[LODGE_RSP] = regs->rsp;
	gpr[LODGE_RBP] = regs->rbp;
	gpr[LODGE_R8] = regs->r8;
	gpr[LODGE_R9] = regs->r9;
	gpr[LODGE_R10] = regs->r10;
	gpr[LODGE_R11] = regs->r11;
	gpr[LODGE_R12] = regs->r12;
	gpr[LODGE_R13] = regs->r13;
	gpr[LODGE_R14] = regs->r14;
	gpr[LODGE_R15] = regs->r15;
	lodge_x86_save(vcpu)->rip = regs->rip;
	lodge_x86_set_rflags(vcpu, regs->rflags);
	vcpu->arch.events.exception.pending = false;
}

/*
 * Processors leave some hidden bits in states that others refuse at entry; they
 * are given out in the form that every processor takes. There is no "unusable"
 * bit here: it is the opposite of present.
 */
static void get_segment(const struct lodge_vmcb_seg *seg, struct kvm_segment *out)
{
	*out = (struct kvm_segment) {
		.base = seg->base,
		.limit = seg->limit,
		.selector = seg->selector,
		.type = seg->attrib & ATTR_TYPE,
		.s = !!(seg->attrib & ATTR_S),
		.dpl = (seg->attrib >> ATTR_DPL_SHIFT) & 3,
		.present = !!(seg->attrib & ATTR_P),
		.avl = !!(seg->attrib & ATTR_AVL),
		.l = !!(seg->attrib & ATTR_L),
		.db = !!(seg->attrib & ATTR_DB),
		.g = seg->limit > 0xfffff,
		.unusable = !(seg->attrib & ATTR_P),
	};
}

static void get_data_segment(const struct lodge_vmcb_seg *seg, struct kvm_segment *out)
{
	get_segment(seg, out);
	if (!out->unusable)
		out->type |= TYPE_ACCESSED;
}

static void get_stack_segment(const struct lodge_vmcb_save *save, struct kvm_segment *out)
{
	get_segment(&save->ss, out);
	out->dpl = save->cpl;
	if (out->unusable)
		out->db = 0;
}

static void set_segment(struct lodge_vmcb_seg *seg, const struct kvm_segment *in)
{
	seg->base = in->base;
	seg->limit = in->limit;
	seg->selector = in->selector;
	seg->attrib = (in->type & ATTR_TYPE) | (in->s & 1) * ATTR_S | (in->dpl & 3) << ATTR_DPL_SHIFT |
		      ((in->present & 1) && !in->unusable) * ATTR_P | (in->avl & 1) * ATTR_AVL |
		      (in->l & 1) * ATTR_L | (in->db & 1) * ATTR_DB | (in->g & 1) * ATTR_G;
}

static void get_dtable(const struct lodge_vmcb_seg *seg, struct kvm_dtable *out)
{
	*out = (struct kvm_dtable) { .base = seg->base, .limit = seg->limit };
}

static void set_dtable(struct lodge_vmcb_seg *seg, const struct kvm_dtable *in)
{
	seg->base = in->base;
	seg->limit = in->limit;
}

/* What kvm_sregs and kvm_sregs2 have in common is laid out alike. */
#define COMMON_BYTES	offsetofend(struct kvm_sregs, apic_base)
static_assert(COMMON_BYTES == offsetofend(struct kvm_sregs2, apic_base));
static_assert(offsetof(struct kvm_sregs, cr0) == offsetof(struct kvm_sregs2, cr0));

static void get_common(struct lodge_vcpu *vcpu, struct kvm_sregs2 *sregs)
{
	struct lodge_vmcb_save *save = lodge_x86_save(vcpu);

	get_segment(&save->cs, &sregs->cs);
	get_data_segment(&save->ds, &sregs->ds);
	get_data_segment(&save->es, &sregs->es);
	get_data_segment(&save->fs, &sregs->fs);
	get_data_segment(&save->gs, &sregs->gs);
	get_stack_segment(save, &sregs->ss);
	get_segment(&save->tr, &sregs->tr);
	sregs->tr.type |= TYPE_BUSY;
	get_segment(&save->ldtr, &sregs->ldt);
	get_dtable(&save->gdtr, &sregs->gdt);
	get_dtable(&save->idtr, &sregs->idt);

	sregs->cr0 = lodge_x86_cr0(vcpu);
	sregs->cr2 = save->cr2;
	sregs->cr3 = save->cr3;
	sregs->cr4 = lodge_x86_cr4(vcpu);
	sregs->cr8 = lodge_x86_cr8(vcpu);
	sregs->efer = vcpu->arch.efer;
	sregs->apic_base = vcpu->arch.apic_base;
}

/**
 * lodge_x86_get_sregs() - KVM_GET_SREGS
 * @vcpu: the vCPU
 * @sregs: out
 *
 * Context: vcpu->mutex.
 */
void lodge_x86_get_sregs(struct lodge_vcpu *vcpu, struct kvm_sregs *sregs)
{
	const struct lodge_events *events = &vcpu->arch.events;
	struct kvm_sregs2 common = {};

	get_common(vcpu, &common);
	memset(sregs, 0, sizeof(*sregs));
	memcpy(sregs, &common, COMMON_BYTES);
	if (events->interrupt.injected && !events->interrupt.soft)
		sregs->interrupt_bitmap[events->interrupt.nr / 64] |= BIT_ULL(events->interrupt.nr % 64);
}

static bool pae_paging(u64 cr0, u64 cr4, u64 efer)
{
	return (cr0 & X86_CR0_PG) && (cr4 & X86_CR4_PAE) && !(efer & EFER_LMA);
}

/**
 * lodge_x86_get_sregs2() - KVM_GET_SREGS2
 * @vcpu: the vCPU
 * @sregs: out
 *
 * With nested paging the processor reads the PAE pointers from memory when it
 * needs them; so they are read from there. Context: vcpu->mutex, SRCU held; may sleep.
 */
void lodge_x86_get_sregs2(struct lodge_vcpu *vcpu, struct kvm_sregs2 *sregs)
{
	memset(sregs, 0, sizeof(*sregs));
	get_common(vcpu, sregs);
	if (!pae_paging(sregs->cr0, sregs->cr4, sregs->efer))
		return;
	if (!lodge_guest_read(vcpu->vm, 0, sregs->cr3 & PAE_CR3_MASK, sregs->pdptrs, sizeof(sregs->pdptrs)))
		sregs->flags = KVM_SREGS2_FLAGS_PDPTRS_VALID;
}

/**
 * lodge_x86_apic_base_valid() - may IA32_APIC_BASE have this value?
 * @vcpu: the vCPU
 * @apic_base: value
 *
 * x2APIC mode needs the feature and the global enable. Context: vcpu->mutex. Return: true if so.
 */
bool lodge_x86_apic_base_valid(struct lodge_vcpu *vcpu, u64 apic_base)
{
	u64 reserved = vcpu->arch.guest_gpa_reserved | APIC_BASE_RESERVED;

	if (!LODGE_HAS(vcpu, X2APIC))
		reserved |= X2APIC_ENABLE;
	if (apic_base & reserved)
		return false;
	return !(apic_base & X2APIC_ENABLE) || (apic_base & MSR_IA32_APICBASE_ENABLE);
}

/* Combinations of mode bits that no processor can be in. */
static bool mode_valid(struct lodge_vcpu *vcpu, const struct kvm_sregs2 *sregs)
{
	if ((sregs->efer & EFER_LME) && (sregs->cr0 & X86_CR0_PG)) {
		if (!(sregs->cr4 & X86_CR4_PAE) || !(sregs->efer & EFER_LMA))
			return false;
		return !(sregs->cr3 & vcpu->arch.guest_gpa_reserved);
	}
	return !(sregs->efer & EFER_LMA) && !sregs->cs.l;
}

static bool sregs_valid(struct lodge_vcpu *vcpu, const struct kvm_sregs2 *sregs)
{
	return mode_valid(vcpu, sregs) && lodge_x86_cr0_valid(sregs->cr0) &&
	       !(sregs->cr4 & vcpu->arch.guest_cr4_reserved) &&
	       !(sregs->efer & vcpu->arch.guest_efer_reserved) &&
	       lodge_x86_apic_base_valid(vcpu, sregs->apic_base);
}

static void set_segments(struct lodge_vcpu *vcpu, const struct kvm_sregs2 *sregs)
{
	struct lodge_vmcb_save *save = lodge_x86_save(vcpu);

	set_segment(&save->cs, &sregs->cs);
	set_segment(&save->ds, &sregs->ds);
	set_segment(&save->es, &sregs->es);
	set_segment(&save->fs, &sregs->fs);
	set_segment(&save->gs, &sregs->gs);
	set_segment(&save->ss, &sregs->ss);
	save->cpl = sregs->ss.dpl & 3;
	set_segment(&save->tr, &sregs->tr);
	set_segment(&save->ldtr, &sregs->ldt);
	set_dtable(&save->gdtr, &sregs->gdt);
	set_dtable(&save->idtr, &sregs->idt);
	lodge_vmcb_mark_dirty(vcpu->arch.vmcb, LODGE_CLEAN_SEG);
	lodge_vmcb_mark_dirty(vcpu->arch.vmcb, LODGE_CLEAN_DT);
}

/* A CR8 out of range is ignored, as KVM does. */
static void set_common(struct lodge_vcpu *vcpu, const struct kvm_sregs2 *sregs)
{
	struct lodge_vmcb_save *save = lodge_x86_save(vcpu);

	vcpu->arch.apic_base = sregs->apic_base;
	set_segments(vcpu, sregs);
	save->cr2 = sregs->cr2;
	lodge_vmcb_mark_dirty(vcpu->arch.vmcb, LODGE_CLEAN_CR2);
	save->cr3 = sregs->cr3;
	lodge_x86_set_cr8(vcpu, sregs->cr8);
	lodge_x86_put_efer(vcpu, sregs->efer);
	lodge_x86_put_cr0(vcpu, sregs->cr0);
	lodge_x86_put_cr4(vcpu, sregs->cr4);
	lodge_svm_asid_renew(vcpu);
}

/**
 * lodge_x86_set_sregs() - KVM_SET_SREGS
 * @vcpu: the vCPU
 * @sregs: any values
 *
 * The lowest bit of the interrupt bitmap is an interrupt whose delivery had begun. Context: vcpu->mutex.
 * Return: 0, or -EINVAL before anything changed.
 */
int lodge_x86_set_sregs(struct lodge_vcpu *vcpu, const struct kvm_sregs *sregs)
{
	struct kvm_sregs2 common = {};
	unsigned int i;

	memcpy(&common, sregs, COMMON_BYTES);
	if (!sregs_valid(vcpu, &common))
		return -EINVAL;
	set_common(vcpu, &common);

	for (i = 0; i < ARRAY_SIZE(sregs->interrupt_bitmap); i++) {
		if (sregs->interrupt_bitmap[i]) {
			lodge_x86_queue_interrupt(vcpu, i * 64 + __ffs64(sregs->interrupt_bitmap[i]));
			break;
		}
	}
	return 0;
}

/**
 * lodge_x86_set_sregs2() - KVM_SET_SREGS2
 * @vcpu: the vCPU
 * @sregs: any values
 *
 * The PAE pointers are what memory holds at CR3; those given have nowhere to go. Context: vcpu->mutex.
 * Return: 0, or -EINVAL before anything changed.
 */
int lodge_x86_set_sregs2(struct lodge_vcpu *vcpu, const struct kvm_sregs2 *sregs)
{
	if (sregs->flags & ~(u64)KVM_SREGS2_FLAGS_PDPTRS_VALID)
		return -EINVAL;
	if (sregs->flags && !pae_paging(sregs->cr0, sregs->cr4, sregs->efer))
		return -EINVAL;
	if (!sregs_valid(vcpu, sregs))
		return -EINVAL;
	set_common(vcpu, sregs);
	return 0;
}
