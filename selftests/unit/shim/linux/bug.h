/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHIM_LINUX_BUG_H
#define SHIM_LINUX_BUG_H

#include <stdio.h>
#include <stdlib.h>

/* A kernel warning fails the test. */
#define WARN_ON_ONCE(condition) ({					\
	if (condition) {						\
		fprintf(stderr, "WARN_ON_ONCE(%s) at %s:%d\n",		\
			#condition, __FILE__, __LINE__);		\
		abort();						\
	}								\
	false;								\
})

#endif
