"""What an environment costs, from its plan and a dated table of prices."""
