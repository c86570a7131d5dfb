/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The guard: why Lodge may not load here, and the entry on KVM's own minor.
 */
#ifndef LODGE_GUARD_H
#define LODGE_GUARD_H

int lodge_guard_init(void);
void lodge_guard_open(void);
void lodge_guard_exit(void);

#endif
