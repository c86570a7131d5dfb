// SPDX-License-Identifier: GPL-2.0
/*
 * The one place where the core's tracepoints are made.
 */
#include <linux/kvm.h>

#define CREATE_TRACE_POINTS
#include "trace.h"
