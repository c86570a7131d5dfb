/* SPDX-License-Identifier: GPL-2.0 */
/*
 * klog.h - what the kernel said since a mark
 */
#ifndef LODGE_SELFTEST_KLOG_H
#define LODGE_SELFTEST_KLOG_H

#include <stdbool.h>

void lodge_klog_mark(void);
bool lodge_klog_has(const char *text);
int lodge_klog_count(const char *text);

#endif
