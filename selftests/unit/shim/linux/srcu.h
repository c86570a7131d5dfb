/* SPDX-License-Identifier: GPL-2.0 */
/* The test says what readers do until they are done. */
#ifndef SHIM_LINUX_SRCU_H
#define SHIM_LINUX_SRCU_H

#ifndef __rcu
#define __rcu
#endif

struct srcu_struct {
	unsigned long waits;
};

void synchronize_srcu_expedited(struct srcu_struct *srcu);

#define rcu_assign_pointer(p, v)		((p) = (v))
#define RCU_INIT_POINTER(p, v)			((p) = (v))
#define rcu_dereference_protected(p, c)		(p)
#define srcu_dereference_check(p, srcu, c)	((void)(srcu), (void)(c), (p))

#endif
