/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHIM_LINUX_IO_H
#define SHIM_LINUX_IO_H

#include <linux/types.h>

/* A table's "physical" address is its address. */
static inline void *phys_to_virt(u64 address)
{
	return (void *)(uintptr_t)address;
}

static inline u64 virt_to_phys(void *address)
{
	return (uintptr_t)address;
}

#endif
