/* SPDX-License-Identifier: GPL-2.0 */
/*
 * General, control and segment registers: accessors and KVM_GET/SET_(S)REGS(2).
 *
 * All need the vCPU's mutex.
 */
#ifndef LODGE_X86_REGS_H
#define LODGE_X86_REGS_H

#include <linux/kvm.h>
#include <asm/processor-flags.h>
#include <asm/msr-index.h>
#include "svm/vmcb.h"
#include "vcpu.h"

static inline struct lodge_vmcb_save *lodge_x86_save(struct lodge_vcpu *vcpu)
{
	return &vcpu->arch.vmcb->save;
}

static inline unsigned long lodge_x86_rip(struct lodge_vcpu *vcpu)
{
	return lodge_x86_save(vcpu)->rip;
}

/* The guest's CR0: CD and NW are kept from the hardware's. */
static inline u64 lodge_x86_cr0(struct lodge_vcpu *vcpu)
{
	return (lodge_x86_save(vcpu)->cr0 & ~(u64)(X86_CR0_CD | X86_CR0_NW)) | vcpu->arch.cr0_cache_bits;
}

/* The guest's CR4: MCE is always on in hardware where the processor has it. */
static inline u64 lodge_x86_cr4(struct lodge_vcpu *vcpu)
{
	u64 cr4 = lodge_x86_save(vcpu)->cr4;

	return vcpu->arch.cr4_mce_hidden ? cr4 & ~(u64)X86_CR4_MCE : cr4;
}

static inline bool lodge_x86_long_mode(struct lodge_vcpu *vcpu)
{
	return vcpu->arch.efer & EFER_LMA;
}

static inline bool lodge_x86_is_64bit(struct lodge_vcpu *vcpu)
{
	return lodge_x86_long_mode(vcpu) && (lodge_x86_save(vcpu)->cs.attrib & BIT(9));	/* L */
}

static inline bool lodge_x86_paging(struct lodge_vcpu *vcpu)
{
	return lodge_x86_save(vcpu)->cr0 & X86_CR0_PG;
}

/* TPR[7:4]; the VMCB's copy is the guest's own, which it writes without an exit. */
static inline u64 lodge_x86_cr8(struct lodge_vcpu *vcpu)
{
	return vcpu->arch.vmcb->control.int_ctl & LODGE_V_TPR_MASK;
}

/* Linear address of the instruction at rip. */
static inline unsigned long lodge_x86_linear_rip(struct lodge_vcpu *vcpu)
{
	struct lodge_vmcb_save *save = lodge_x86_save(vcpu);

	return lodge_x86_is_64bit(vcpu) ? save->rip : (u32)(save->cs.base + save->rip);
}

static inline unsigned int lodge_x86_cpl(struct lodge_vcpu *vcpu)
{
	return lodge_x86_save(vcpu)->cpl;
}

/* Architectural reset state, as the AMD manual's table and KVM have it. */
void lodge_x86_regs_reset(struct lodge_vcpu *vcpu);

/*
 * Guest writes of control registers. 0, or 1 if the processor would raise #GP(0); nothing has changed then.
 * They keep the VMCB, EFER.LMA and the clean bits consistent and flush the TLB where the architecture says so.
 */
int lodge_x86_set_cr0(struct lodge_vcpu *vcpu, u64 cr0);
int lodge_x86_set_cr3(struct lodge_vcpu *vcpu, u64 cr3);
int lodge_x86_set_cr4(struct lodge_vcpu *vcpu, u64 cr4);
int lodge_x86_set_cr8(struct lodge_vcpu *vcpu, u64 cr8);
int lodge_x86_set_efer(struct lodge_vcpu *vcpu, u64 efer, bool host);

/* Store a value that was checked; clean bits, intercepts and translations follow. For KVM_SET_SREGS and the above. */
void lodge_x86_put_cr0(struct lodge_vcpu *vcpu, u64 cr0);
void lodge_x86_put_cr4(struct lodge_vcpu *vcpu, u64 cr4);
void lodge_x86_put_efer(struct lodge_vcpu *vcpu, u64 efer);
bool lodge_x86_cr0_valid(u64 cr0);

/* RFLAGS as the guest has them: without the TF of the host's own stepping; set puts that back. */
unsigned long lodge_x86_get_rflags(struct lodge_vcpu *vcpu);
void lodge_x86_set_rflags(struct lodge_vcpu *vcpu, unsigned long rflags);

/* Legal value of IA32_APIC_BASE for this vCPU's CPUID. */
bool lodge_x86_apic_base_valid(struct lodge_vcpu *vcpu, u64 apic_base);

/* rip past the present instruction; clears the interrupt shadow and RF, raises a pending single-step trap. */
void lodge_x86_advance_rip(struct lodge_vcpu *vcpu, unsigned long next_rip);

/* The ABI forms; set returns -EINVAL before anything changes. */
void lodge_x86_get_regs(struct lodge_vcpu *vcpu, struct kvm_regs *regs);
void lodge_x86_set_regs(struct lodge_vcpu *vcpu, const struct kvm_regs *regs);
void lodge_x86_get_sregs(struct lodge_vcpu *vcpu, struct kvm_sregs *sregs);
int lodge_x86_set_sregs(struct lodge_vcpu *vcpu, const struct kvm_sregs *sregs);
void lodge_x86_get_sregs2(struct lodge_vcpu *vcpu, struct kvm_sregs2 *sregs2);
int lodge_x86_set_sregs2(struct lodge_vcpu *vcpu, const struct kvm_sregs2 *sregs2);

#endif
