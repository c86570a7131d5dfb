/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory type range registers: kept for the guest; under nested paging they steer nothing.
 */
#ifndef LODGE_X86_MTRR_H
#define LODGE_X86_MTRR_H

#include <linux/types.h>

struct lodge_vcpu;

bool lodge_mtrr_is_msr(u32 index);
int lodge_mtrr_get_msr(struct lodge_vcpu *vcpu, u32 index, u64 *data);
int lodge_mtrr_set_msr(struct lodge_vcpu *vcpu, u32 index, u64 data);
bool lodge_mtrr_pat_valid(u64 pat);

#endif
