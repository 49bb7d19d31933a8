#!/bin/sh
# A dynamic inventory: asks nothing of its standard input and prints JSON.
cat
echo '{"ticketing": {"hosts": ["t1.example"]},
       "_meta": {"hostvars": {"t1.example": {"ansible_host": "10.2.0.1"}}}}'
