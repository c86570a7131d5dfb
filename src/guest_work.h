/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a thread owes the kernel before it enters a guest: signals,
 * rescheduling, task work. lodge_guest_work_pending() (compat.h) asks.
 */
#ifndef LODGE_GUEST_WORK_H
#define LODGE_GUEST_WORK_H

struct kvm_run;

void *lodge_guest_work_new(struct kvm_run *run);
void lodge_guest_work_free(void *work);
int lodge_guest_work_run(void *work);

#endif
