/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LODGE_STAGE2_MEM_H
#define LODGE_STAGE2_MEM_H

#include <linux/types.h>

void *lodge_stage2_mem_alloc(size_t bytes, size_t align, gfp_t gfp);
void lodge_stage2_mem_free(void *table, size_t bytes);
void lodge_stage2_mem_exit(void);

#endif
