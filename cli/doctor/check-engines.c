/* SPDX-License-Identifier: MIT */

/* Whether Podman or Docker can be asked for labels of containers: where they listen. */

#include "doctor/checks.h"
#include "doctor/mend.h"
#include "engine/engine.h"

void check_engines(Doctor *doctor)
{
    const Machine *machine = doctor->machine;
    bool user = machine->scope == SPEC_SCOPE_USER;

    for (EngineKind kind = 0; kind < _ENGINE_KIND_MAX; kind++) {
        _cleanup_free_ char *path = engine_socket_path(kind, user, machine->runtime_dir);

        if (path && machine_has(machine, path)) {
            doctor_add_ok(doctor, "%s at %s", engine_kind_word(kind), path);
            return;
        }
    }
    if (doctor_count_needing(doctor, NEED_LABELS) == 0) {
        doctor_add_ok(doctor, "not there, and no policy goes by labels");
        return;
    }
    doctor_add_lack(doctor, "neither Podman nor Docker listens");
    doctor_add_meaning(doctor, "Labels of containers are asked of them, so policies with "
                               "match.label leave all containers alone.");
    doctor_add_services_needing(doctor, NEED_LABELS);
    doctor_add_mend(doctor, "%s enable --now podman.socket", mend_systemctl(doctor));
}
