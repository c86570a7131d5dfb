// SPDX-License-Identifier: GPL-2.0
/*
 * Memory type range registers and the values of PAT.
 */
#include <linux/bits.h>
#include <linux/types.h>
#include <asm/msr-index.h>

#include "mtrr.h"
#include "vcpu.h"

#define VAR_FIRST	0x200u
#define VAR_LAST	(VAR_FIRST + 2 * LODGE_NR_VAR_MTRRS - 1)

#define MTRRCAP_FIXED	BIT(8)
#define MTRRCAP_WC	BIT(10)

#define DEF_TYPE_BITS	0xcffull	/* enable, fixed enable, type */
#define VAR_BASE_BITS	0xffull		/* type */
#define VAR_MASK_BITS	BIT_ULL(11)	/* valid */

/* Bit n: type n may stand in an MTRR, in PAT. */
#define MTRR_TYPES	(BIT(0) | BIT(1) | BIT(4) | BIT(5) | BIT(6))
#define PAT_TYPES	(MTRR_TYPES | BIT(7))

/* Returns the place of a fixed-range register, or -1. */
static int fixed_slot(u32 index)
{
	switch (index) {
	case MSR_MTRRfix64K_00000:
		return 0;
	case MSR_MTRRfix16K_80000:
	case MSR_MTRRfix16K_A0000:
		return 1 + index - MSR_MTRRfix16K_80000;
	case MSR_MTRRfix4K_C0000 ... MSR_MTRRfix4K_F8000:
		return 3 + index - MSR_MTRRfix4K_C0000;
	default:
		return -1;
	}
}

static bool type_allowed(unsigned int type, unsigned int types)
{
	return type < 8 && (types & BIT(type));
}

static bool eight_types_allowed(u64 value, unsigned int types)
{
	unsigned int i;

	for (i = 0; i < 64; i += 8)
		if (!type_allowed((value >> i) & 0xff, types))
			return false;
	return true;
}

/**
 * lodge_mtrr_pat_valid() - may IA32_PAT have this value?
 * @pat: value
 *
 * Context: any. Return: true if so.
 */
bool lodge_mtrr_pat_valid(u64 pat)
{
	return eight_types_allowed(pat, PAT_TYPES);
}

static bool var_valid(struct lodge_vcpu *vcpu, u32 index, u64 data)
{
	bool is_mask = index & 1;
	u64 allowed = GENMASK_ULL(63, 12) & ~vcpu->arch.guest_gpa_reserved;

	allowed |= is_mask ? VAR_MASK_BITS : VAR_BASE_BITS;
	return !(data & ~allowed) && (is_mask || type_allowed(data & 0xff, MTRR_TYPES));
}

/**
 * lodge_mtrr_is_msr() - is this a register of this room?
 * @index: MSR
 *
 * Context: any. Return: true if so.
 */
bool lodge_mtrr_is_msr(u32 index)
{
	return (index >= VAR_FIRST && index <= VAR_LAST) || index == MSR_MTRRcap || index == MSR_MTRRdefType ||
	       fixed_slot(index) >= 0;
}

/**
 * lodge_mtrr_get_msr() - read a register for which lodge_mtrr_is_msr() holds
 * @vcpu:  the vCPU
 * @index: MSR
 * @data:  out
 *
 * Context: vcpu->mutex; any. Return: 0.
 */
int lodge_mtrr_get_msr(struct lodge_vcpu *vcpu, u32 index, u64 *data)
{
	if (index == MSR_MTRRcap)
		*data = LODGE_NR_VAR_MTRRS | MTRRCAP_FIXED | MTRRCAP_WC;
	else if (index == MSR_MTRRdefType)
		*data = vcpu->arch.mtrr_def_type;
	else if (index <= VAR_LAST)
		*data = vcpu->arch.mtrr_var[index - VAR_FIRST];
	else
		*data = vcpu->arch.mtrr_fixed[fixed_slot(index)];
	return 0;
}

/**
 * lodge_mtrr_set_msr() - write a register for which lodge_mtrr_is_msr() holds
 * @vcpu:  the vCPU
 * @index: MSR
 * @data:  value
 *
 * Context: vcpu->mutex; any. Return: 0; 1 if it is read-only or the value is illegal.
 */
int lodge_mtrr_set_msr(struct lodge_vcpu *vcpu, u32 index, u64 data)
{
	if (index == MSR_MTRRcap)
		return 1;
	if (index == MSR_MTRRdefType) {
		if ((data & ~DEF_TYPE_BITS) || !type_allowed(data & 0xff, MTRR_TYPES))
			return 1;
		vcpu->arch.mtrr_def_type = data;
	} else if (index <= VAR_LAST) {
		if (!var_valid(vcpu, index, data))
			return 1;
		vcpu->arch.mtrr_var[index - VAR_FIRST] = data;
	} else {
		if (!eight_types_allowed(data, MTRR_TYPES))
			return 1;
		vcpu->arch.mtrr_fixed[fixed_slot(index)] = data;
	}
	return 0;
}
