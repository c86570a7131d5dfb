/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHIM_LINUX_SLAB_H
#define SHIM_LINUX_SLAB_H

#include <linux/gfp.h>
#include <stdbool.h>
#include <stdlib.h>

/* A test that has this decides which allocations fail. */
__attribute__((weak)) bool shim_alloc_fails(gfp_t gfp);

static inline void *kmalloc(size_t bytes, gfp_t gfp)
{
	return shim_alloc_fails && shim_alloc_fails(gfp) ? NULL : malloc(bytes);
}

static inline void *kcalloc(size_t n, size_t bytes, gfp_t gfp)
{
	return shim_alloc_fails && shim_alloc_fails(gfp) ? NULL : calloc(n, bytes);
}

#define kzalloc(bytes, gfp)	kcalloc(1, bytes, gfp)
#define kvmalloc(bytes, gfp)	kmalloc(bytes, gfp)
#define kvcalloc(n, bytes, gfp)	kcalloc(n, bytes, gfp)
#define kvfree(p)		kfree(p)

static inline void kfree(void *p)
{
	free(p);
}

#endif
