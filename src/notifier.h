/* SPDX-License-Identifier: GPL-2.0 */
/*
 * MMU notifiers: the host changes its mappings, stage 2 follows.
 */
#ifndef LODGE_NOTIFIER_H
#define LODGE_NOTIFIER_H

#include "types.h"

struct lodge_vm;

/* Context: process, may sleep (takes mmap_lock). 0 or -errno. */
int lodge_notifier_register(struct lodge_vm *vm);
/* Context: may sleep; after it no callback runs, and the trees are empty. */
void lodge_notifier_unregister(struct lodge_vm *vm);

/*
 * Fault protocol: seq = lodge_notifier_seq(vm) before the host mapping is read; under the stage-2 lock install only
 * if !lodge_notifier_retry(vm, seq, hva).
 */
unsigned long lodge_notifier_seq(struct lodge_vm *vm);
bool lodge_notifier_retry(struct lodge_vm *vm, unsigned long seq, hva_t hva);

/* A swap of the slots array waits here until no invalidation is in flight; see Documentation/memory.rst. */
void lodge_notifier_swap_begin(struct lodge_vm *vm);
void lodge_notifier_swap_end(struct lodge_vm *vm);

#endif
