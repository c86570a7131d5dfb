/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LODGE_X86_NPT_H
#define LODGE_X86_NPT_H

#include "stage2.h"

/*
 * AMD nested page tables in the host's paging mode. Nested walks are user
 * accesses, so every present entry has the user bit.
 */
extern const struct lodge_stage2_format lodge_npt_format_4level;
extern const struct lodge_stage2_format lodge_npt_format_5level;

void lodge_npt_init(u64 encryption_mask);

#endif
