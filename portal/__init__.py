"""The portal: pages and an API for clerks, analysts, leaders and engineers, behind one front door."""
