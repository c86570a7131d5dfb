// SPDX-License-Identifier: GPL-2.0
/*
 * Machine-check banks: kept for the guest, filled by user space.
 */
#include <linux/errno.h>
#include <linux/kvm.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/mce.h>
#include <asm/msr-index.h>
#include <asm/trapnr.h>

#include "events.h"
#include "mce.h"
#include "regs.h"
#include "vcpu.h"

#define BANK_FIRST	MSR_IA32_MC0_CTL
#define BANK_REGISTERS	4

/* Registers of a bank. */
enum { CTL, STATUS, ADDR, MISC };

/* HWCR: the guest may write any status. */
#define HWCR_STATUS_WRITABLE	BIT_ULL(18)

#define MCG_CAP_SUPPORTED	(MCG_CTL_P | MCG_SER_P)

static unsigned int nr_banks(struct lodge_vcpu *vcpu)
{
	return vcpu->arch.mcg_cap & MCG_BANKCNT_MASK;
}

static void enable_banks(struct lodge_vcpu *vcpu)
{
	unsigned int i;

	for (i = 0; i < nr_banks(vcpu); i++)
		vcpu->arch.mce_banks[i * BANK_REGISTERS + CTL] = ~0ull;
}

/**
 * lodge_mce_init() - a vCPU's banks
 * @vcpu: a new vCPU
 *
 * Context: may sleep. Pair: lodge_mce_free(). Return: 0 or -ENOMEM.
 */
int lodge_mce_init(struct lodge_vcpu *vcpu)
{
	vcpu->arch.mce_banks = kcalloc(LODGE_MCE_BANKS * BANK_REGISTERS, sizeof(u64), GFP_KERNEL_ACCOUNT);
	if (!vcpu->arch.mce_banks)
		return -ENOMEM;
	vcpu->arch.mcg_cap = LODGE_MCE_BANKS;
	return 0;
}

/**
 * lodge_mce_free() - give the banks back
 * @vcpu: the vCPU; it never runs again
 *
 * Context: any.
 */
void lodge_mce_free(struct lodge_vcpu *vcpu)
{
	kfree(vcpu->arch.mce_banks);
	vcpu->arch.mce_banks = NULL;
}

/**
 * lodge_mce_supported() - KVM_X86_GET_MCE_CAP_SUPPORTED
 *
 * Context: any. Return: bits of IA32_MCG_CAP that KVM_X86_SETUP_MCE takes beside the counts.
 */
u64 lodge_mce_supported(void)
{
	return MCG_CAP_SUPPORTED;
}

static long setup(struct lodge_vcpu *vcpu, const void __user *argp)
{
	u64 mcg_cap;

	if (copy_from_user(&mcg_cap, argp, sizeof(mcg_cap)))
		return -EFAULT;
	if (!(mcg_cap & MCG_BANKCNT_MASK) || (mcg_cap & MCG_BANKCNT_MASK) > LODGE_MCE_BANKS)
		return -EINVAL;
	if (mcg_cap & ~(MCG_CAP_SUPPORTED | MCG_BANKCNT_MASK | MCG_EXT_CNT_MASK))
		return -EINVAL;

	vcpu->arch.mcg_cap = mcg_cap;
	if (mcg_cap & MCG_CTL_P)
		vcpu->arch.mcg_ctl = ~0ull;
	enable_banks(vcpu);
	return 0;
}

static void record(u64 *bank, const struct kvm_x86_mce *mce)
{
	u64 overflow = bank[STATUS] & MCI_STATUS_VAL ? MCI_STATUS_OVER : 0;

	bank[ADDR] = mce->addr;
	bank[MISC] = mce->misc;
	bank[STATUS] = mce->status | overflow;
}

/* The guest has turned the report of uncorrected errors off, for all banks or this one. */
static bool silenced(struct lodge_vcpu *vcpu, const u64 *bank)
{
	return ((vcpu->arch.mcg_cap & MCG_CTL_P) && vcpu->arch.mcg_ctl != ~0ull) || bank[CTL] != ~0ull;
}

static void raise_uncorrected(struct lodge_vcpu *vcpu, u64 *bank, const struct kvm_x86_mce *mce)
{
	if (silenced(vcpu, bank))
		return;
	if ((vcpu->arch.mcg_status & MCG_STATUS_MCIP) || !(lodge_x86_cr4(vcpu) & X86_CR4_MCE)) {
		vcpu->arch.events.triple_fault = true;
		return;
	}
	record(bank, mce);
	vcpu->arch.mcg_status = mce->mcg_status;
	lodge_x86_raise(vcpu, X86_TRAP_MC);
}

/* An uncorrected error of which the processor need not take notice at once. */
static bool needs_no_action(const struct kvm_x86_mce *mce)
{
	return !mce->mcg_status && !(mce->status & (MCI_STATUS_PCC | MCI_STATUS_S | MCI_STATUS_AR));
}

static long inject(struct lodge_vcpu *vcpu, const void __user *argp)
{
	struct kvm_x86_mce mce;
	unsigned int nr;
	u64 *bank;

	if (copy_from_user(&mce, argp, sizeof(mce)))
		return -EFAULT;
	if (mce.bank >= nr_banks(vcpu) || !(mce.status & MCI_STATUS_VAL))
		return -EINVAL;
	nr = array_index_nospec(mce.bank, LODGE_MCE_BANKS);
	bank = &vcpu->arch.mce_banks[nr * BANK_REGISTERS];

	if ((mce.status & MCI_STATUS_UC) && !needs_no_action(&mce))
		raise_uncorrected(vcpu, bank, &mce);
	else if (!(bank[STATUS] & MCI_STATUS_VAL) || !(bank[STATUS] & MCI_STATUS_UC))
		record(bank, &mce);
	else
		bank[STATUS] |= MCI_STATUS_OVER;
	return 0;
}

/**
 * lodge_mce_ioctl() - KVM_X86_SETUP_MCE, KVM_X86_SET_MCE
 * @vcpu:  the vCPU
 * @ioctl: number
 * @argp:  its argument
 *
 * Context: vcpu->mutex; may sleep. Return: 0; -EFAULT; -EINVAL (no or too many banks, a feature that is not there, a
 * bank that is not there, an error that is not valid, another number).
 */
long lodge_mce_ioctl(struct lodge_vcpu *vcpu, unsigned int ioctl, void __user *argp)
{
	switch (ioctl) {
	case KVM_X86_SETUP_MCE:
		return setup(vcpu, argp);
	case KVM_X86_SET_MCE:
		return inject(vcpu, argp);
	default:
		return -EINVAL;
	}
}

/**
 * lodge_mce_is_msr() - is this a register of this room?
 * @index: MSR
 *
 * Context: any. Return: true if so.
 */
bool lodge_mce_is_msr(u32 index)
{
	return (index >= MSR_IA32_MCG_CAP && index <= MSR_IA32_MCG_CTL) ||
	       (index >= BANK_FIRST && index < BANK_FIRST + LODGE_MCE_BANKS * BANK_REGISTERS);
}

/* Returns NULL for a bank that the vCPU has not. */
static u64 *bank_register(struct lodge_vcpu *vcpu, u32 index)
{
	u32 nr = index - BANK_FIRST;

	if (nr >= nr_banks(vcpu) * BANK_REGISTERS)
		return NULL;
	return &vcpu->arch.mce_banks[array_index_nospec(nr, LODGE_MCE_BANKS * BANK_REGISTERS)];
}

/**
 * lodge_mce_get_msr() - read a register for which lodge_mce_is_msr() holds
 * @vcpu:  the vCPU
 * @index: MSR
 * @data:  out
 * @host:  by user space
 *
 * Context: vcpu->mutex; any. Return: 0; 1 if the vCPU has not got it.
 */
int lodge_mce_get_msr(struct lodge_vcpu *vcpu, u32 index, u64 *data, bool host)
{
	const u64 *reg;

	switch (index) {
	case MSR_IA32_MCG_CAP:
		*data = vcpu->arch.mcg_cap;
		return 0;
	case MSR_IA32_MCG_STATUS:
		*data = vcpu->arch.mcg_status;
		return 0;
	case MSR_IA32_MCG_CTL:
		if (!(vcpu->arch.mcg_cap & MCG_CTL_P) && !host)
			return 1;
		*data = vcpu->arch.mcg_ctl;
		return 0;
	}
	reg = bank_register(vcpu, index);
	if (!reg)
		return 1;
	*data = *reg;
	return 0;
}

static int set_mcg_ctl(struct lodge_vcpu *vcpu, u64 data, bool host)
{
	if (!(vcpu->arch.mcg_cap & MCG_CTL_P) && (data || !host))
		return 1;
	if (data && data != ~0ull)
		return 1;
	vcpu->arch.mcg_ctl = data;
	return 0;
}

static bool bank_value_valid(struct lodge_vcpu *vcpu, u32 index, u64 data, bool host)
{
	switch ((index - BANK_FIRST) % BANK_REGISTERS) {
	case CTL:
		/* Off or all on; Linux leaves out bits 0 and 10 of some banks on old processors. */
		return !data || (data | BIT_ULL(10) | BIT_ULL(0)) == ~0ull;
	case STATUS:
		return host || !data || (vcpu->arch.hwcr & HWCR_STATUS_WRITABLE);
	default:
		return true;
	}
}

/**
 * lodge_mce_set_msr() - write a register for which lodge_mce_is_msr() holds
 * @vcpu:  the vCPU
 * @index: MSR
 * @data:  value
 * @host:  by user space
 *
 * Context: vcpu->mutex; any. Return: 0; 1 if the vCPU has not got it, it is read-only, or the value is illegal.
 */
int lodge_mce_set_msr(struct lodge_vcpu *vcpu, u32 index, u64 data, bool host)
{
	u64 *reg;

	switch (index) {
	case MSR_IA32_MCG_CAP:
		return 1;
	case MSR_IA32_MCG_STATUS:
		vcpu->arch.mcg_status = data;
		return 0;
	case MSR_IA32_MCG_CTL:
		return set_mcg_ctl(vcpu, data, host);
	}
	reg = bank_register(vcpu, index);
	if (!reg || !bank_value_valid(vcpu, index, data, host))
		return 1;
	*reg = data;
	return 0;
}
