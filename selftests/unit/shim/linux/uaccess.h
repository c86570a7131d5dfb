/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHIM_LINUX_UACCESS_H
#define SHIM_LINUX_UACCESS_H

#ifndef __user
#define __user
#endif

#define TASK_SIZE_MAX	((1UL << 47) - 4096)

/* As lax as the kernel's may be, which lets addresses with a tag pass. */
#define access_ok(p, n)	((long)(p) >= 0 && (long)((unsigned long)(p) + (n)) >= 0)

#endif
